"""The man pages: complete, and what man(1) understands."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bridge.cli import manual, smsbridge
from bridge.config.route_keys import ROUTE_KEYS
from bridge.config.schema import SCHEMA
from tests.cli.conftest import ROOT


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """As a build makes them."""
    directory = tmp_path_factory.mktemp("man")
    done = subprocess.run(
        [sys.executable, "-m", "bridge.cli.manual", str(directory)],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "error", "SOURCE_DATE_EPOCH": "1700000000"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    made = [Path(line) for line in done.stdout.splitlines()]
    assert [path.name for path in made] == list(manual.PAGES)
    return {path.name: path for path in made}


def plain(path: Path) -> str:
    """The words of a page, without what roff needs around them."""
    text = path.read_text(encoding="utf-8")
    for written, meant in ((r"\-", "-"), (r"\(aq", "'"), (r"\(dq", '"'), (r"\&", ""), (r"\(ti", "~"), (r"\e", "\\")):
        text = text.replace(written, meant)
    return re.sub(r"\\f[BIR]", "", text)


def commands(group: click.Group, path: str = "smsbridge") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_every_command_and_option_is_in_it(pages: dict[str, Path]) -> None:
    text = plain(pages["smsbridge.1"])
    for name, command in commands(smsbridge):
        assert f'.SS "{name} ' in text
        section = text.split(f'.SS "{name} ', 1)[1].split("\n.SS ", 1)[0]
        for parameter in command.params:
            if isinstance(parameter, click.Argument):
                assert parameter.make_metavar(click.Context(command)) in section
                continue
            assert all(option in section for option in parameter.opts), (name, parameter.opts)
            assert isinstance(parameter, click.Option)
            assert parameter.help, (name, parameter.opts)


def test_every_key_is_in_it_with_its_sentence(pages: dict[str, Path]) -> None:
    bridge = plain(pages["bridge.toml.5"])
    for section, keys in SCHEMA.items():
        part = bridge.split(f'.SH "{manual.SECTIONS[section][0].upper()}"\n', 1)[1].split("\n.SH ", 1)[0]
        for key in keys:
            assert f"\n{key.name}\n{key.sentence}\n" in f"{part}\n"
    routes = plain(pages["routes.toml.5"])
    for key in ROUTE_KEYS:
        assert f"\n{key.name}\n{key.sentence}\n" in routes


def test_every_section_has_a_sentence() -> None:
    assert set(manual.SECTIONS) == set(SCHEMA)


def test_they_are_the_same_on_every_build(pages: dict[str, Path]) -> None:
    assert '"2023-11-14"' in pages["smsbridge.1"].read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.parametrize("name", manual.PAGES)
@pytest.mark.skipif(shutil.which("man") is None, reason="no man here")
def test_man_shows_it_without_a_warning(pages: dict[str, Path], name: str) -> None:
    shown = subprocess.run(
        ["man", "--warnings", "-l", str(pages[name])],
        env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "PAGER": "cat"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "SEE ALSO" in shown.stdout


@pytest.mark.parametrize("name", manual.PAGES)
@pytest.mark.skipif(shutil.which("mandoc") is None, reason="no mandoc here")
def test_mandoc_finds_nothing_wrong(pages: dict[str, Path], name: str) -> None:
    checked = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", str(pages[name])], capture_output=True, text=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["a", "b"]])
def test_without_a_directory_it_says_so(arguments: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bridge.cli.manual", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("usage: ")
