"""Packages made of this checkout, and the tools that this takes.

A tool that is missing skips a test, but never in CI, where a skip would be a silent pass.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "systemd"
_LONG = 540.0  # seconds; a build takes one minute here


def tool(name: str, package: str) -> str:
    """Where the program is; `package` is Debian's that brings it."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        missing(f"{name} is not installed (Debian: {package})")
    return str(found)


def missing(what: str) -> None:
    """Skips the test, or in CI fails it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI must not pass without it")
    pytest.skip(what)


def run(*command: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT, given: str = "") -> str:
    """Standard output; fails with all it said where the command fails."""
    done = subprocess.run(
        command,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        input=given,
        capture_output=True,
        text=True,
        timeout=_LONG,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def hatchling(directory: Path, *targets: str, source: Path = ROOT) -> list[Path]:
    """What the build backend makes of the source: "wheel", "sdist"."""
    chosen = [word for target in targets for word in ("-t", target)]
    run(sys.executable, "-m", "hatchling", "build", *chosen, "-d", directory, cwd=source)
    return sorted(directory.iterdir())


def deb(directory: Path) -> Path:
    """The Debian package of this checkout, for this machine's Debian."""
    tool("dh", "debhelper")
    if not Path("/usr/bin/python3").exists() or not list(Path("/usr/share/python-wheels").glob("pip-*.whl")):
        missing("Debian's python3-venv is not installed")
    printed = run("bash", SYSTEMD / "debian" / "build", directory)
    (made,) = printed.splitlines()
    return Path(made)


def higher(package: Path, version: str, directory: Path) -> Path:
    """The same package as a later version would be: another number, and a change in a configuration file."""
    tree = directory / f"tree-{version}"
    run("dpkg-deb", "--raw-extract", package, tree)
    control = tree / "DEBIAN" / "control"
    text, times = re.subn(
        "^Version: .*$", f"Version: {version}", control.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert times == 1
    control.write_text(text, encoding="utf-8")
    (ours,) = tree.glob("usr/lib/smsbridge/lib/python*/site-packages/bridge/__init__.py")
    source, times = re.subn('^__version__ = ".*"$', f'__version__ = "{version}"', ours.read_text(), flags=re.MULTILINE)
    assert times == 1
    ours.write_text(source, encoding="utf-8")
    with (tree / "etc" / "smsbridge" / "bridge.toml").open("a", encoding="utf-8") as shipped:
        shipped.write(f"\n# A remark of version {version}.\n")
    made = directory / f"smsbridge_{version}.deb"
    run("dpkg-deb", "--root-owner-group", "--build", tree, made)
    return made
