"""The foreign programs that the bridge is measured against: how they come onto a machine, and where they are.

`python -m tests.bench.peers install [--into DIRECTORY]` brings all of them: Postfix, Kannel and curl from Debian, for
which it must be root, and Mailrise from PyPI into an environment of its own, since it needs other versions than we do.
Nothing that is there is removed for them, and none is started as a service. `python -m tests.bench.peers` says what is
there. A stage leaves out what is missing, with a word.
"""

import argparse
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from tests.bench.frame import Missing

MAILRISE: Final = "1.4.0"
DEBIAN: Final = {
    "postfix": "/usr/lib/postfix/sbin/master",
    "kannel": "/usr/sbin/bearerbox",
    "curl": "/usr/bin/curl",
}
"""Packages, and the file that shows that one is there."""

PLACE: Final = "SMSBRIDGE_BENCH_PEERS"
"""Names the directory for what is not Debian's, where it is not the usual one."""

_HOW: Final = "python -m tests.bench.peers install"
_REFUSES: Final = Path("/usr/sbin/policy-rc.d")


def place() -> Path:
    """The directory for what is not Debian's."""
    named = os.environ.get(PLACE)
    return Path(named) if named else Path.home() / ".cache" / "smsbridge-bench"


def mailrise() -> Path:
    """Mailrise's command. Raises `Missing`."""
    environment = place() / "mailrise"
    if not (environment / "bin" / "mailrise").is_file():
        raise Missing(f"Mailrise is not installed: {_HOW}")
    if not _is_of_this_python(environment):
        raise Missing(f"Mailrise is installed for another Python, which may be faster or slower: {_HOW}")
    return environment / "bin" / "mailrise"


def _is_of_this_python(environment: Path) -> bool:
    said = (environment / "pyvenv.cfg").read_text(encoding="utf-8")
    home = next((line.partition("=")[2].strip() for line in said.splitlines() if line.startswith("home ")), "")
    base = Path(sys._base_executable)  # type: ignore[attr-defined] # of CPython alone
    return Path(home).resolve() == base.resolve().parent


def program(name: str) -> Path:
    """A program of Debian's, by its package. Raises `Missing`."""
    found = Path(DEBIAN[name])
    if not found.is_file():
        raise Missing(f"{name} is not installed: {_HOW}")
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    parser.add_argument("do", nargs="?", choices=("install", "show"), default="show")
    parser.add_argument("--into", type=Path, help=f"for Mailrise; else ${PLACE}, else {place()}")
    options = parser.parse_args()
    if options.into is not None:
        os.environ[PLACE] = str(options.into.absolute())
    if options.do == "install":
        _install_debian()
        _install_mailrise()
        if options.into is not None:
            print(f"for the measurements: export {PLACE}={place()}")
    for name, words in shown().items():
        print(f"{name:<10} {words}")


def shown() -> dict[str, str]:
    """Each of them, and where it is or how to get it."""
    found = {name: path if Path(path).is_file() else f"missing: {_HOW}" for name, path in DEBIAN.items()}
    try:
        return {**found, "mailrise": str(mailrise())}
    except Missing as missing:
        return {**found, "mailrise": str(missing)}


def _install_debian() -> None:
    missing = [name for name, path in DEBIAN.items() if not Path(path).is_file()]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"not installed, that needs root on a Debian: apt-get install {' '.join(missing)}", file=sys.stderr)
        return
    # What runs is started by the stages, with a configuration of its own: the machine becomes no mail server.
    quiet = not _REFUSES.exists()
    if quiet:
        _REFUSES.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        _REFUSES.chmod(0o755)
    try:
        _run("debconf-set-selections", said="postfix postfix/main_mailer_type select No configuration\n")
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "--no-remove", *missing)
    finally:
        if quiet:
            _REFUSES.unlink()


def _install_mailrise() -> None:
    environment = place() / "mailrise"
    if not (environment / "bin" / "mailrise").is_file() or not _is_of_this_python(environment):
        venv.create(environment, with_pip=True, clear=True)
        _run(str(environment / "bin" / "pip"), "install", "-q", f"mailrise=={MAILRISE}")


def _run(*command: str, said: str = "") -> None:
    subprocess.run(command, input=said.encode(), check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


if __name__ == "__main__":
    main()
