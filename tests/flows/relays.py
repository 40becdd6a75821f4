"""Real servers to stand before the bridge: a Postfix, an Exim and a haproxy of Debian, each a throw-away instance.

Each has its configuration, queue and log in a temporary directory of its own and listens on loopback only. That is not
below pytest's directory, since unprivileged processes of theirs may not enter that. The mail servers must be started by
root. They log themselves what they say to the bridge, also inside TLS: `Relay.dialogue`.
"""

import asyncio
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from tests.flows.program import Port
from tests.flows.relay_files import Onward, exim_conf, haproxy_cfg, main_cf, master_cf
from tests.flows.rig import ANNA
from tests.wait import PATIENCE, until

_MASTER = Path("/usr/lib/postfix/sbin/master")
_EXIM_USER = "Debian-exim"


class Relay:
    """A running mail server. It takes mail on `port`; mail for the bridge goes there, all else to the sink."""

    spoken: re.Pattern[str]  # a line of its log with what it says or hears

    def __init__(self, place: Path, port: int, program: str) -> None:
        self.place = place
        self.port = port
        self.program = program

    @property
    def log(self) -> str:
        """Everything it said."""
        written = [self.place / "said", *sorted((self.place / "log").glob("*"))]
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in written if file.exists())

    @property
    def dialogue(self) -> list[str]:
        """What it said to the bridge (``> ``) and heard from it (``< ``), line by line; Exim's holds the sink's too."""
        return [f"{way} {line}" for way, line in self.spoken.findall(self.log)]

    async def submit(
        self,
        mail: bytes,
        *recipients: str,
        sender: str = ANNA,
        options: Sequence[str] = (),
        recipient_options: Sequence[str] = (),
    ) -> None:
        """Hand it a mail over SMTP; `options` are those of MAIL, the others of each RCPT."""

        def hand_over() -> None:
            with smtplib.SMTP("127.0.0.1", self.port, local_hostname="author.example.org", timeout=PATIENCE) as client:
                refused = client.sendmail(sender, recipients, mail, options, recipient_options)
                assert refused == {}

        await asyncio.to_thread(hand_over)

    async def sendmail(self, mail: bytes, *arguments: str) -> None:
        """Hand it a mail as a local user does."""
        done = await asyncio.to_thread(
            subprocess.run,
            [self.program, *self._configured(), *arguments],
            input=mail.replace(b"\r\n", b"\n"),
            env=os.environ | {"MAIL_CONFIG": str(self.place)},
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr

    def flush(self) -> None:
        """Try everything again now."""
        raise NotImplementedError

    async def empty(self) -> None:
        """Wait until it has nothing left to deliver."""
        await until(lambda: not self.waiting(), "the relay's queue is empty")

    def waiting(self) -> list[str]:
        """Mails that it still has."""
        raise NotImplementedError

    def _configured(self) -> list[str]:
        return []


class Postfix(Relay):
    """Many programs."""

    spoken = re.compile(r"onward/smtp\[\d+\]: ([<>]) [^ ]+: (.*)")

    def flush(self) -> None:
        subprocess.run(["postqueue", "-c", str(self.place), "-f"], check=True, timeout=PATIENCE)

    def waiting(self) -> list[str]:
        queues = ("maildrop", "incoming", "active", "deferred")
        return [file.name for queue in queues for file in (self.place / "queue" / queue).rglob("*") if file.is_file()]


class Exim(Relay):
    """One program."""

    spoken = re.compile(r"SMTP[<>|+]([<>]) (.*)")

    def flush(self) -> None:
        subprocess.run([self.program, *self._configured(), "-qff"], check=True, timeout=PATIENCE)

    def waiting(self) -> list[str]:
        return [file.name for file in (self.place / "spool" / "input").rglob("*-H")]

    def _configured(self) -> list[str]:
        return ["-C", str(self.place / "exim.conf")]


def missing(reason: str) -> NoReturn:
    """Skips the test, or fails it on the build server, where everything must be there."""
    if os.environ.get("CI") == "true" and os.geteuid() == 0:
        pytest.fail(reason)
    pytest.skip(reason)


@asynccontextmanager
async def postfix(onward: Onward, *, sink: int) -> AsyncIterator[Postfix]:
    """A Postfix; its bounces go to the port `sink`, as all mail that is not the bridge's."""
    if os.geteuid() != 0:
        missing("Postfix must be started by root")
    if not _MASTER.exists():
        missing("Postfix is not installed")
    with _place() as place, closing(Port()) as port:
        (place / "main.cf").write_text(main_cf(place, onward, sink), encoding="ascii")
        (place / "master.cf").write_text(master_cf(port.number, onward), encoding="ascii")
        os.utime(place / "main.cf", (0, 0))  # a file that has just been written is read again and again for 2 s
        (place / "data").mkdir()
        shutil.chown(place / "data", "postfix")
        _make_queues(place / "queue")
        async with _running(place, [str(_MASTER), "-c", str(place), "-s"], port.number):
            yield Postfix(place, port.number, "/usr/sbin/sendmail")


@asynccontextmanager
async def exim(onward: Onward, *, sink: int) -> AsyncIterator[Exim]:
    """An Exim, as `postfix`."""
    program = shutil.which("exim4", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if os.geteuid() != 0:
        missing("Exim must be started by root")
    if program is None:
        missing("Exim is not there")
    try:
        pwd.getpwnam(_EXIM_USER)
    except KeyError:
        missing(f"there is no user {_EXIM_USER}, which Debian's Exim needs")
    with _place() as place, closing(Port()) as port:
        own = place / "exim4"  # where it may start itself again as its own user, and no set-uid program
        shutil.copyfile(program, own)
        own.chmod(0o755)
        for name in ("spool", "log"):
            (place / name).mkdir()
            shutil.chown(place / name, _EXIM_USER, _EXIM_USER)
        onward = _with_copies(onward, place, _EXIM_USER)
        (place / "exim.conf").write_text(exim_conf(place, port.number, onward, sink), encoding="ascii")
        command = [str(own), "-C", str(place / "exim.conf"), "-bdf", "-q1s", "-d-all+transport"]
        async with _running(place, command, port.number):
            yield Exim(place, port.number, str(own))


@asynccontextmanager
async def haproxy(onward: int, header: str) -> AsyncIterator[int]:
    """A proxy before the port `onward` that says for whom it speaks; its own port. `header`: see `haproxy_cfg`."""
    program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        missing("haproxy is not installed")
    with _place() as place, closing(Port()) as port:
        (place / "haproxy.cfg").write_text(haproxy_cfg(port.number, onward, header), encoding="ascii")
        async with _running(place, [program, "-db", "-f", str(place / "haproxy.cfg")], port.number):
            yield port.number


@contextmanager
def _place() -> Iterator[Path]:
    """A directory that anybody may enter."""
    place = Path(tempfile.mkdtemp(prefix="smsbridge-relay-"))
    try:
        place.chmod(0o755)
        yield place
    finally:
        shutil.rmtree(place)


@asynccontextmanager
async def _running(place: Path, command: list[str], port: int) -> AsyncIterator[None]:
    """The server, greeting on its port, in a session of its own that ends with this, or with this process."""
    with (place / "said").open("wb") as said:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            cwd=place,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        await until(lambda: _greets(process, place, port), "the relay takes mail")
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def _make_queues(queue: Path) -> None:
    """The directories that `postfix check` would make, and take seconds for."""
    queue.mkdir(mode=0o755)
    (queue / "pid").mkdir(mode=0o755)
    for name in (
        "active",
        "bounce",
        "corrupt",
        "defer",
        "deferred",
        "flush",
        "hold",
        "incoming",
        "private",
        "saved",
        "trace",
    ):
        (queue / name).mkdir(mode=0o700)
        shutil.chown(queue / name, "postfix")
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        (queue / name).mkdir()
        (queue / name).chmod(mode)
        shutil.chown(queue / name, "postfix", "postdrop")


def _greets(process: subprocess.Popen[bytes], place: Path, port: int) -> bool:
    assert process.poll() is None, (place / "said").read_text(encoding="utf-8")
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def _with_copies(onward: Onward, place: Path, owner: str) -> Onward:
    """The same with its papers where the server may read them."""

    def copied(paper: Path) -> Path:
        copy = place / paper.name
        copy.write_bytes(paper.read_bytes())
        copy.chmod(0o600)
        shutil.chown(copy, owner)
        return copy

    return replace(
        onward,
        authority=onward.authority and copied(onward.authority),
        identity=onward.identity and (copied(onward.identity[0]), copied(onward.identity[1])),
    )
