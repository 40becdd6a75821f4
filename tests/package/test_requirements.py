"""What may be installed beside us: floors in pyproject.toml, and exact versions with hashes for what we build."""

import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.package.built import ROOT, SYSTEMD

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("mailauth", "postgres")
FILES = ("requirements.txt", "requirements-build.txt")


def wanted() -> list[Requirement]:
    optional = PROJECT["optional-dependencies"]
    return [
        Requirement(each) for each in PROJECT["dependencies"] + [each for extra in EXTRAS for each in optional[extra]]
    ]


def pinned(file: str) -> dict[str, Version]:
    """Name to version, of lines such as ``name==1.0 ; marker \\``."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (SYSTEMD / file).read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in found}


def test_row_133_the_floors_that_close_known_holes() -> None:
    specifiers = {str(canonicalize_name(each.name)): each.specifier for each in wanted()}
    for name, last_bad, first_good in (("aiohttp", "3.14.2", "3.14.3"), ("aiosmtplib", "5.1.1", "5.1.2")):
        assert not specifiers[name].contains(last_bad)
        assert specifiers[name].contains(first_good)
    assert str(specifiers["aiosmtpd"]) == "==1.4.6"  # its private parts are used
    assert not specifiers["apsw"].contains("3.51.2.0")  # bundles the SQLite with the WAL-reset bug


@pytest.mark.parametrize("each", wanted(), ids=lambda each: each.name)
def test_row_133_what_is_pinned_keeps_the_floors(each: Requirement) -> None:
    assert each.specifier.contains(pinned("requirements.txt")[canonicalize_name(each.name)])


def test_row_133_nothing_that_is_installed_goes_unpinned() -> None:
    """Also what the packages need themselves, as far as it applies on this machine."""
    left, seen = [(canonicalize_name(each.name), each.extras) for each in wanted()], set()
    while left:
        name, extras = left.pop()
        if name in seen:
            continue
        seen.add(name)
        for line in metadata.requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                left.append((canonicalize_name(needed.name), needed.extras))
    assert seen - set(pinned("requirements.txt")) == set()


@pytest.mark.parametrize("file", FILES)
def test_row_133_every_line_is_exact_and_has_hashes(file: str) -> None:
    text = (SYSTEMD / file).read_text(encoding="utf-8")
    rows = re.sub(r"\\\n", " ", text).splitlines()
    rows = [row for row in rows if row and not row.startswith("#")]
    assert rows
    for row in rows:
        assert re.fullmatch(r"[a-z0-9-]+==[A-Za-z0-9.]+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+", row), row
    assert re.findall("https?:|--index|--find-links|file:", text) == []


def test_the_build_uses_nothing_but_what_is_pinned() -> None:
    """`pip install` in the recipes always asks for hashes, or for files that were just made of such."""
    for recipe in ("debian/rules", "Containerfile"):
        text = re.sub(r"\\\n", " ", (SYSTEMD / recipe).read_text(encoding="utf-8"))
        text = text.replace("$(pinned)", "--require-hashes")
        calls = re.findall(r"bin/pip (?:install|wheel) (.*?)(?:&&|$)", text, re.MULTILINE)
        assert calls
        assert [call for call in calls if "--require-hashes" not in call and "--no-index" not in call] == []
