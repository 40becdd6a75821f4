"""One machine for all tests that need one: a clean Debian with systemd as its first process, and the package for it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package import built
from tests.package.machine import Machine, clean


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """Not pytest's own directory: that keeps the last three, and a Debian is 400 MB."""
    made = Path(tempfile.mkdtemp(prefix="smsbridge-package-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def deb(place: Path) -> Path:
    return built.deb(place / "dist")


@pytest.fixture(scope="session")
def whole(deb: Path, place: Path) -> Iterator[Machine]:
    """The machine with nothing of ours."""
    machine = Machine(clean(place))
    shutil.copy(deb, machine.file("/mnt/smsbridge.deb"))
    shutil.copy(built.higher(deb, "99.0", place), machine.file("/mnt/smsbridge-99.deb"))
    machine.boot()
    machine.run("systemctl", "log-target", "journal")  # where tests look for what it says
    yield machine
    machine.stop()


@pytest.fixture
def machine(whole: Machine) -> Machine:
    """With the package as `apt install` leaves it, and no test's changes."""
    if not whole.file("/usr/bin/smsbridge").exists():
        whole.run("apt-get", "install", "--yes", "/mnt/smsbridge.deb")
        shutil.copytree(whole.file("/etc/smsbridge"), whole.file("/mnt/etc"), dirs_exist_ok=True)
        return whole
    whole.try_("systemctl", "stop", "smsbridge.socket", "smsbridge.service", "simulator.service")
    for leftover in whole.file("/etc/systemd/system/smsbridge.service.d").glob("*"):
        leftover.unlink()
    whole.run("rm", "-rf", "/etc/credstore", "/etc/credstore.encrypted", "/var/lib/smsbridge")
    whole.run("cp", "-a", "--no-preserve=ownership", "/mnt/etc/.", "/etc/smsbridge/")
    whole.run("systemd-tmpfiles", "--create", "smsbridge.conf")
    whole.run("systemctl", "daemon-reload")
    whole.try_("systemctl", "reset-failed", "smsbridge.service")
    whole.run("systemctl", "start", "smsbridge.service")
    return whole
