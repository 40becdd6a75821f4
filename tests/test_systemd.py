"""The units as systemd itself judges them: correct, and exposed no more than 1.1.

Where systemd-analyze is missing the tests are skipped, but never in CI, where a skip would be a silent pass.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bridge.daemon import mail_door

UNITS = Path(__file__).parent.parent / "systemd"
INSTALLED = "/opt/smsbridge/bin/smsbridge"


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"{name} is missing, and CI must not pass without it")
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: systemd)")
    return found


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as installed on this machine: `verify` wants the program to exist where they say it is."""
    here = Path(sys.executable).parent / "smsbridge"
    program = here if here.exists() else Path(sys.executable)
    for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.socket")):
        text = unit.read_text(encoding="utf-8")
        (tmp_path / unit.name).write_text(text.replace(INSTALLED, str(program)), encoding="utf-8")
    return tmp_path


def run(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def settings(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text(encoding="utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and re.fullmatch(r"[A-Za-z0-9]+", key):
            found.setdefault(key, []).append(value)
    return found


def test_verify_has_nothing_to_say(units: Path) -> None:
    verify = [tool("systemd-analyze"), "verify", "--man=no"]
    result = run([*verify, units / "smsbridge.service", units / "smsbridge.socket"])
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_exposure_is_at_most_1_1(units: Path) -> None:
    security = [tool("systemd-analyze"), "security", "--offline=true", "--threshold=11", "--no-pager"]
    result = run([*security, units / "smsbridge.service"])
    assert result.returncode == 0, result.stdout + result.stderr
    exposure = re.search(r"Overall exposure level for smsbridge.service: ([0-9.]+)", result.stdout)
    assert exposure is not None
    assert float(exposure[1]) <= 1.1


def test_the_gate_would_notice_a_capability(units: Path) -> None:
    service = units / "smsbridge.service"
    text = service.read_text(encoding="utf-8")
    opened = text.replace("\nCapabilityBoundingSet=\n", "\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SYS_ADMIN\n")
    assert opened != text
    service.write_text(opened, encoding="utf-8")
    security = [tool("systemd-analyze"), "security", "--offline=true", "--threshold=11", "--no-pager"]
    assert run([*security, service]).returncode != 0


def exposure(service: Path) -> float:
    """Of a service with the drop-ins beside it."""
    result = run([tool("systemd-analyze"), "security", "--offline=true", "--no-pager", service])
    found = re.search(r"Overall exposure level for smsbridge.service: ([0-9.]+)", result.stdout)
    assert found is not None, result.stdout + result.stderr
    return float(found[1])


@pytest.mark.parametrize("example", sorted((UNITS / "drop-ins").iterdir()), ids=lambda path: path.stem)
def test_the_examples_are_correct_and_as_open_as_they_say(units: Path, example: Path) -> None:
    drop_ins = units / "smsbridge.service.d"
    drop_ins.mkdir()
    text = example.read_text(encoding="utf-8")
    (drop_ins / "example.conf").write_text(text, encoding="utf-8")
    if example.stem == "alarm":
        (units / "alarm@.service").write_text("[Service]\nExecStart=/bin/true\n", encoding="utf-8")
    result = run([tool("systemd-analyze"), "verify", "--man=no", units / "smsbridge.service"])
    assert (result.returncode, result.stderr) == (0, "")
    said = re.search(r"Exposure (\d\.\d)", text)
    assert exposure(units / "smsbridge.service") == (float(said[1]) if said else 1.1)


def test_a_reload_needs_no_program_that_a_small_system_lacks() -> None:
    """/bin/kill comes with procps, which a Debian of essential packages has not."""
    assert settings("smsbridge.service")["ExecReload"] == ["""/bin/sh -c 'kill -HUP "$$MAINPID"'"""]


def test_the_life_of_the_service() -> None:
    service = settings("smsbridge.service")
    assert service["ExecStart"] == [f"{INSTALLED} serve --config /etc/smsbridge/bridge.toml"]
    assert service["Type"] == ["notify"]
    assert service["WatchdogSec"] == ["30"]
    # Configuration and usage: starting again cannot help. 75 (another instance) is not among them.
    assert set(service["RestartPreventExitStatus"][0].split()) == {"78", "64"}
    # The daemon itself promises to be gone within 40 s.
    assert int(service["TimeoutStopSec"][0]) > 40


def test_no_missing_secret_stops_systemd_before_the_daemon_can_speak() -> None:
    loaded = dict(value.split(":", 1) for value in settings("smsbridge.service")["LoadCredential"])
    assert set(loaded) == {"websms-token", "webhook-secret", "smarthost-password", "tls-key"}
    assert all("/" not in source for source in loaded.values())


def test_the_daemon_knows_the_name_of_the_sockets() -> None:
    (name,) = settings("smsbridge.socket")["FileDescriptorName"]
    assert mail_door.SOCKET_MODES[name] == "starttls"


def test_the_socket_unit_keeps_the_families_apart() -> None:
    opened = settings("smsbridge.socket")
    assert opened["ListenStream"] == ["0.0.0.0:25", "[::]:25", "0.0.0.0:587", "[::]:587"]
    assert opened["BindIPv6Only"] == ["ipv6-only"]


def test_the_user_and_the_directory_are_made_as_the_unit_needs_them(tmp_path: Path) -> None:
    """In a root of its own: the real systemd-sysusers and systemd-tmpfiles, which only root may use fully."""
    sysusers, tmpfiles = tool("systemd-sysusers"), tool("systemd-tmpfiles")
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    configuration = tmp_path / "etc" / "smsbridge"
    configuration.mkdir(parents=True)
    (configuration / "bridge.toml").touch(mode=0o600)
    assert run([sysusers, f"--root={tmp_path}", UNITS / "smsbridge.sysusers.conf"]).returncode == 0
    passwd = (tmp_path / "etc" / "passwd").read_text(encoding="utf-8").splitlines()
    (user,) = (line.split(":") for line in passwd if line.startswith("smsbridge:"))
    assert user[5:] == ["/var/lib/smsbridge", "/usr/sbin/nologin"]
    made = run([tmpfiles, f"--root={tmp_path}", "--create", UNITS / "smsbridge.tmpfiles.conf"])
    assert made.returncode == 0, made.stderr
    for path, mode in ((configuration, 0o750), (configuration / "bridge.toml", 0o640)):
        found = path.stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, int(user[3]), mode)
