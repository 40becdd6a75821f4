"""sdnotify: what systemd would read from its socket, and the sockets it would hand over, by real descriptors."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge import sdnotify


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """A notification socket as systemd binds it, and the environment that names it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@smsbridge-test-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0") if request.param == "abstract" else name)
        receiver.settimeout(10)
        yield receiver, {"NOTIFY_SOCKET": name}


Systemd = tuple[socket.socket, dict[str, str]]


class TestNotify:
    def test_the_life_of_a_daemon(self, systemd: Systemd) -> None:
        receiver, environ = systemd
        assert sdnotify.ready("2 doors open", environ=environ)
        assert receiver.recv(4096) == b"READY=1\nSTATUS=2 doors open"
        assert sdnotify.alive(environ=environ)
        assert receiver.recv(4096) == b"WATCHDOG=1"
        assert sdnotify.status("17 queued", environ=environ)
        assert receiver.recv(4096) == b"STATUS=17 queued"
        assert sdnotify.stopping(environ=environ)
        assert receiver.recv(4096) == b"STOPPING=1"

    def test_a_reload_says_when_it_began(self, systemd: Systemd) -> None:
        receiver, environ = systemd
        before = time.monotonic_ns() // 1000
        assert sdnotify.reloading("reading", environ=environ)
        first, second, third = receiver.recv(4096).decode().split("\n")
        assert (first, third) == ("RELOADING=1", "STATUS=reading")
        assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000

    def test_a_text_cannot_add_an_assignment(self, systemd: Systemd) -> None:
        receiver, environ = systemd
        sdnotify.status("from a\r\nMAINPID=1\u2028MAINPID=2 \udc80", environ=environ)
        assert receiver.recv(4096) == b"STATUS=from a MAINPID=1 MAINPID=2 ?"

    def test_the_own_environment_is_the_default(self, systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> None:
        receiver, environ = systemd
        monkeypatch.setenv("NOTIFY_SOCKET", environ["NOTIFY_SOCKET"])
        assert sdnotify.ready()
        assert receiver.recv(4096) == b"READY=1"

    @pytest.mark.parametrize(
        "name", [None, "", "relative", "vsock:2:1234", "@", "/", "/nowhere/notify", "/" + "x" * 200]
    )
    def test_without_systemd_nothing_happens(self, name: str | None) -> None:
        environ = {} if name is None else {"NOTIFY_SOCKET": name}
        assert sdnotify.ready(environ=environ) is False

    def test_who_is_out_of_descriptors_still_says_that_he_is_alive(self, systemd: Systemd) -> None:
        receiver, environ = systemd
        code = (
            "import os, resource; from bridge import sdnotify; assert sdnotify.ready();"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); assert sdnotify.alive(), 'it is said'"
        )
        subprocess.run([sys.executable, "-c", code], env={**os.environ, **environ}, check=True, timeout=60)
        assert receiver.recv(4096) == b"READY=1"
        assert receiver.recv(4096) == b"WATCHDOG=1"

    def test_a_socket_nobody_reads_does_not_hang_the_daemon(self, systemd: Systemd) -> None:
        _, environ = systemd
        sent = [sdnotify.alive(environ=environ)]
        while sent[-1] and len(sent) < 100_000:
            sent.append(sdnotify.alive(environ=environ))
        assert sent[-1] is False


class TestWatchdogInterval:
    @pytest.mark.parametrize(
        ("environ", "seconds"),
        [
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
            ({"WATCHDOG_USEC": "500000"}, 0.25),
            ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
            ({"WATCHDOG_USEC": "0"}, None),
            ({"WATCHDOG_USEC": "-5"}, None),
            ({"WATCHDOG_USEC": "soon"}, None),
            ({"WATCHDOG_USEC": "٣"}, None),
            ({}, None),
        ],
    )
    def test_half_of_what_the_unit_says(self, environ: dict[str, str], seconds: float | None) -> None:
        assert sdnotify.watchdog_interval(environ) == seconds


# What systemd does between fork and exec: descriptors from 3 on, and our own process id in the environment.
ACTIVATE = """
import os, sys
from bridge import sdnotify
descriptors = [os.dup(int(text)) for text in sys.argv[1].split(",")]
descriptors = [os.dup2(fd, 100 + n) for n, fd in enumerate(descriptors)]
for n, fd in enumerate(descriptors):
    os.dup2(fd, 3 + n, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(descriptors)))
os.execv(sys.executable, [sys.executable, "-c", sys.argv[2]])
"""

ANSWER = """
import os, subprocess, sys
from bridge import sdnotify
sockets = sdnotify.listen_sockets()
assert sdnotify.listen_sockets() == {}
assert not any(key.startswith("LISTEN_") for key in os.environ)
assert not any(one.get_inheritable() for several in sockets.values() for one in several)
print({name: [one.getsockname()[1] for one in several] for name, several in sockets.items()}, flush=True)
for several in sockets.values():
    for one in several:
        peer, _ = one.accept()
        peer.sendall(b"220 here\\r\\n")
        peer.close()
        one.close()
"""


def activated(listeners: list[socket.socket], names: str | None) -> subprocess.Popen[str]:
    environ = dict(os.environ) if names is None else os.environ | {"LISTEN_FDNAMES": names}
    numbers = ",".join(str(one.fileno()) for one in listeners)
    return subprocess.Popen(
        [sys.executable, "-c", ACTIVATE, numbers, ANSWER],
        env=environ,
        pass_fds=[one.fileno() for one in listeners],
        stdout=subprocess.PIPE,
        text=True,
    )


class TestListenSockets:
    @pytest.mark.parametrize(
        ("names", "grouping"),
        [
            ("smtpd:smtpd:webhook", {"smtpd": [0, 1], "webhook": [2]}),
            ("smtpd::webhook", {"smtpd": [0], "unknown": [1], "webhook": [2]}),
            ("smtpd", {"smtpd": [0], "unknown": [1, 2]}),
            (None, {"unknown": [0, 1, 2]}),
        ],
    )
    def test_inherited(self, names: str | None, grouping: dict[str, list[int]]) -> None:
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        ports = [one.getsockname()[1] for one in listeners]
        with activated(listeners, names) as program:
            for one in listeners:
                one.close()
            assert program.stdout is not None
            told = program.stdout.readline().strip()
            assert told == str({name: [ports[n] for n in numbers] for name, numbers in grouping.items()})
            for port in [ports[n] for numbers in grouping.values() for n in numbers]:
                with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                    assert client.recv(100) == b"220 here\r\n"
            assert program.wait(30) == 0

    @pytest.mark.parametrize(
        "environ",
        [
            {},
            {"LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "smtpd:smtpd"},
            {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"},
            {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"},
            {"LISTEN_FDS": "2"},
        ],
    )
    def test_nothing_for_us(self, environ: dict[str, str]) -> None:
        assert sdnotify.listen_sockets(environ) == {}
        assert environ == {}

    def test_a_descriptor_that_is_no_socket_is_an_error(self) -> None:
        program = (
            "import os; from bridge import sdnotify\n"
            "os.dup2(os.open('/dev/null', os.O_RDONLY), 3)\n"
            "sdnotify.listen_sockets({'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'})\n"
        )
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert run.returncode == 1
        assert "OSError" in run.stderr
