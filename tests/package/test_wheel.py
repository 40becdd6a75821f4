"""Wheel and sdist: they hold all that is needed, and what is installed from them runs away from the checkout."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from bridge.cli import manual
from tests.package import built

PAGES = {f"man{name.rpartition('.')[2]}/{name}" for name in manual.PAGES}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both, made of the checkout without the network."""
    both = built.hatchling(tmp_path_factory.mktemp("dist"), "wheel", "sdist")
    return {"wheel" if path.suffix == ".whl" else "sdist": path for path in both}


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as held:
        return set(held.namelist())


def shared(wheel: Path) -> set[str]:
    """Below the prefix, without the version's directory."""
    return {name.split("/data/", 1)[1] for name in names(wheel) if "/data/" in name}


def sources(folder: str) -> set[str]:
    return {
        str(path.relative_to(built.ROOT))
        for path in (built.ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_all_of_the_program(made: dict[str, Path]) -> None:
    assert sources("bridge") - names(made["wheel"]) == set()


def test_the_wheel_holds_configuration_units_and_man_pages(made: dict[str, Path]) -> None:
    held = shared(made["wheel"])
    assert {f"share/smsbridge/{name}" for name in sources("config") | sources("docs")} <= held
    units = {f"smsbridge.{kind}" for kind in ("service", "socket", "sysusers.conf", "tmpfiles.conf")}
    assert {f"share/smsbridge/systemd/{name}" for name in units} <= held
    assert {f"share/smsbridge/{name}" for name in sources("systemd/drop-ins")} <= held
    assert {f"share/man/{page}" for page in PAGES} <= held
    assert "share/smsbridge/requirements.txt" in held


def test_the_sdist_holds_everything_and_makes_the_same_wheel(made: dict[str, Path], tmp_path: Path) -> None:
    with tarfile.open(made["sdist"]) as held:
        held.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    there = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    wanted = set[str]().union(*(sources(folder) for folder in ("bridge", "config", "docs", "systemd", "tests")))
    assert wanted - there == set()
    assert {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml"} <= there
    (wheel,) = built.hatchling(tmp_path / "dist", "wheel", source=source)
    assert names(wheel) == names(made["wheel"])


def test_what_is_installed_from_the_wheel_runs_the_demo(made: dict[str, Path], tmp_path: Path) -> None:
    """In an environment of its own: only what it needs comes from the one in which the tests run."""
    environment = tmp_path / "environment"
    built.run(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    built.run(*pip, made["wheel"])
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = environment / "lib" / version / "site-packages"
    # A path in such a file comes last, and files of its kind behind that path are not read: so not the checkout.
    (packages / "others.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    where = subprocess.run(
        [python, "-c", "import bridge; print(bridge.__file__)"],
        cwd=tmp_path,
        env=outside,
        capture_output=True,
        check=True,
    )
    assert Path(where.stdout.decode().strip()) == packages / "bridge" / "__init__.py"
    done = subprocess.run(
        [environment / "bin" / "smsbridge", "demo", "--once"],
        cwd=tmp_path,
        env=outside,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (environment / "share" / "man" / "man1" / "smsbridge.1").is_file()
