"""A clean Debian in a directory, with a real systemd as its first process and a network of its own.

Made of packages by mmdebstrap, started by systemd-nspawn: namespaces of this kernel, no image from elsewhere. The
network is a loopback and nothing else, so all ports are free and nothing in it reaches anybody. It takes root.
"""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.package import built

ASKED = "SMSBRIDGE_MACHINE"
"""The environment variable with which tests that need one are asked for."""

_INCLUDE = "systemd-sysv,dbus,python3,adduser,ca-certificates,init-system-helpers"
_PATIENCE = 60.0  # seconds; booting takes two


def clean(directory: Path) -> Path:
    """The Debian this machine runs, as it is after its installation; skips where it cannot be had."""
    if os.geteuid() != 0:
        # Also in CI: it says itself that it works as an ordinary user.
        pytest.skip("only root may make and boot a machine of its own")
    built.tool("systemd-nspawn", "systemd-container")
    release = dict(line.partition("=")[::2] for line in Path("/etc/os-release").read_text().splitlines())
    suite = release.get("VERSION_CODENAME", "")
    made = directory / "machine"
    done = subprocess.run(
        [built.tool("mmdebstrap", "mmdebstrap"), "--quiet", "--variant=apt", f"--include={_INCLUDE}", suite, made],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    if done.returncode != 0:
        built.missing(f"no Debian {suite} could be made here: {done.stderr[-500:]}")
    return made


class Machine:
    """From `boot` to `stop`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._log = root.parent / "console.log"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._init = 0

    def boot(self) -> None:
        """Returns when systemd says that all is up; what an earlier boot left behind stays."""
        words = ["--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe", "--link-journal=no"]
        with self._log.open("ab") as console:
            self._nspawn = subprocess.Popen(
                # It ends when this process does, however that comes about.
                [
                    "setpriv",
                    "--pdeathsig",
                    "KILL",
                    "systemd-nspawn",
                    *words,
                    f"--directory={self.root}",
                    "--boot",
                    "systemd.log_target=console",
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = children.read_text().split()
            self._init = int(found[0]) if found else 0
            if self._init and self.try_("systemctl", "is-system-running").stdout.strip() in {"running", "degraded"}:
                return
            assert self._nspawn.poll() is None, self._log.read_text(errors="replace")
            assert time.monotonic() < deadline, self._log.read_text(errors="replace")
            time.sleep(0.1)

    def stop(self) -> None:
        """As if the cord was pulled; harmless when it does not run."""
        if self._nspawn is not None and self._nspawn.poll() is None:
            # Its own process: nspawn ends with its first process, and that with all in it.
            subprocess.run(["kill", "-KILL", str(self._init)], check=False)
            self._nspawn.wait(timeout=_PATIENCE)

    def try_(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command in the machine, as root, however it ends."""
        return subprocess.run(
            ["nsenter", f"--target={self._init}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", *command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
            input=given,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd="/",
        )

    def run(self, *command: str, given: str = "") -> str:
        """What it prints; fails where it fails."""
        done = self.try_(*command, given=given)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.journal()}"
        return done.stdout

    def until(self, *command: str, says: str, seconds: float = _PATIENCE) -> str:
        """Asks until the answer contains `says`."""
        deadline = time.monotonic() + seconds
        while says not in (answer := self.try_(*command)).stdout:
            assert time.monotonic() < deadline, f"{command} never said {says}: {answer}\n{self.journal()}"
            time.sleep(0.1)
        return answer.stdout

    def file(self, path: str) -> Path:
        """A file of the machine, by its name there."""
        return self.root / path.lstrip("/")

    def unit(self, *properties: str) -> dict[str, str]:
        """Of smsbridge.service, as systemd has them."""
        shown = self.run("systemctl", "show", "smsbridge.service", *(f"--property={name}" for name in properties))
        return dict(line.partition("=")[::2] for line in shown.splitlines())

    def journal(self) -> str:
        """What the service and systemd said about it."""
        return self.try_("journalctl", "--no-pager", "--output=cat", "--unit=smsbridge.service").stdout

    def web(self, url: str) -> Any:
        """JSON of an address in the machine."""
        asks = "import sys, urllib.request as web; print(web.urlopen(sys.argv[1]).read().decode())"
        return json.loads(self.run("python3", "-c", asks, url))

    def mail(self, port: int = 8025, *, to: str = "anna@sms.example.com", text: str = "Hello") -> str:
        """Sends one as office@example.com; the answer to its text."""
        sends = (
            "import smtplib, sys\n"
            "with smtplib.SMTP('127.0.0.1', int(sys.argv[1]), timeout=30) as door:\n"
            "    door.ehlo(); door.mail('office@example.com')\n"
            "    code, said = door.rcpt(sys.argv[2])\n"
            "    if code == 250: code, said = door.data(sys.argv[3])\n"
            "    print(code, said.decode())"
        )
        message = f"From: office@example.com\nTo: {to}\nSubject: x\n\n{text}\n"
        return self.run("python3", "-c", sends, str(port), to, message)

    def drop_in(self, text: str, name: str = "test", unit: str = "smsbridge.service") -> None:
        """As `systemctl edit` would leave it; an empty text takes it away."""
        path = self.file(f"/etc/systemd/system/{unit}.d/{name}.conf")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if not text:
            path.unlink()
        self.run("systemctl", "daemon-reload")
