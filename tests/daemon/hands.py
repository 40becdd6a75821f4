"""Both ends of what a daemon and a worker process say to each other, in one process: one of them real, one by hand."""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bridge.config import Configuration, Endpoint, User
from bridge.daemon.far import REFUSALS
from bridge.daemon.front import Front, front
from bridge.daemon.hands import Hand
from bridge.daemon.parcels import unpack_configuration, unpack_endpoints
from bridge.daemon.steady import Steady
from bridge.daemon.workers import Workers
from bridge.ids import mail_ids
from bridge.limits import Limits
from bridge.link import Link
from bridge.message import Channel
from bridge.proof.logins import Logins
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.given import configuration
from tests.make import NOW
from tests.wait import until

ENDS = "import sys; sys.stdin.read()"  # a process that ends when it is told to
STAYS = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def ended(pid: int) -> bool:
    """Whether a process is over; of one that is not our child a zombie may be left until somebody looks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def joined(end: Callable[[], asyncio.Protocol], sock: socket.socket) -> Awaitable[Any]:
    """A link on this socket."""
    return asyncio.get_running_loop().create_unix_connection(end, sock=sock)


@dataclass
class Puppet:
    """A worker played by hand: its end of a link and a doorway, and what it was told. A real process has its pid."""

    process: "subprocess.Popen[bytes]"
    sockets: list[tuple[socket.socket, Endpoint]] = field(default_factory=list)
    http: list[socket.socket] = field(default_factory=list)
    told: list[tuple[Any, ...]] = field(default_factory=list)
    configurations: list[Configuration] = field(default_factory=list)
    mute: set[str] = field(default_factory=set)  # questions that it never answers
    broken: set[str] = field(default_factory=set)  # questions that it cannot answer
    losses: int = 0
    link: Link = field(init=False)
    hand: Hand = field(init=False)
    _doorway: socket.socket = field(init=False)
    _far: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        near, self._far = socket.socketpair()
        doorway, self._doorway = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for each in (near, self._far, doorway, self._doorway):
            each.setblocking(False)
        self.hand = Hand(pid=self.process.pid, link=near, doorway=doorway)
        self.link = Link(
            hears={name: self._hears(name) for name in ("news", "refuse")},
            answers={name: self._answers(name) for name in ("begin", "configure", "drain", "ping")},
            refusals=REFUSALS,
            lost=self._lose,
        )

    async def join(self) -> None:
        await joined(lambda: self.link, self._far)

    def _hears(self, name: str) -> Callable[..., None]:
        return lambda *words: self.told.append((name, *words))

    def _answers(self, name: str) -> Callable[..., Awaitable[None]]:
        async def answer(*words: Any) -> None:
            self.told.append((name, *words))
            if name in {"begin", "configure"}:
                self.configurations.append(unpack_configuration(words[0]))
            if name == "begin":
                said, handed, _, _ = socket.recv_fds(self._doorway, 65536, 50)
                os.close(handed[0])  # the census
                opened = [socket.socket(fileno=descriptor) for descriptor in handed[1:]]
                endpoints, _ = unpack_endpoints(said)
                self.sockets = list(zip(opened, endpoints, strict=False))
                self.http = opened[len(endpoints) :]
            if name in self.broken:
                raise ValueError(name)
            if name in self.mute:
                await asyncio.Event().wait()

        return answer

    def _lose(self) -> None:
        self.losses += 1
        assert self.process.stdin is not None
        self.process.stdin.close()

    def close(self) -> None:
        self.link.close()
        for sock, _ in self.sockets:
            sock.close()
        for each in (self._doorway, self._far, self.hand.doorway, self.hand.link):
            each.close()
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.kill()
        self.process.wait()


@dataclass
class Stage:
    """Real `Workers` with a real desk behind them, and puppets in front."""

    spool: SqliteSpool
    limits: Limits
    workers: Workers
    puppets: list[Puppet]
    configuration: Configuration
    clock: Steady
    front: Front = field(init=False)
    full: bool = False
    gone: list[str] = field(default_factory=list)
    woken: list[Channel] = field(default_factory=list)

    @property
    def link(self) -> Link:
        """Of the first puppet."""
        return self.puppets[0].link

    async def begin(self, *sockets: tuple[socket.socket, Endpoint]) -> None:
        for puppet in self.puppets:
            await puppet.join()
        await self.workers.begin(self.configuration, sockets, [])


@asynccontextmanager
async def stage(
    place: Path, *, programs: Sequence[str] = (ENDS,), users: Sequence[User] = (), **settings: Any
) -> AsyncIterator[Stage]:
    """One puppet for each of the `programs`, which are what has its pid; nothing has begun."""
    spool = await open_spool(place / "s.db")
    processes = [subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE) for program in programs]
    puppets = [Puppet(process) for process in processes]
    holder: list[Stage] = []
    gone: list[str] = []
    clock = Steady(lambda: NOW, time.monotonic)
    workers = Workers(
        [puppet.hand for puppet in puppets],
        clock=clock,
        closed=lambda: False,
        full=lambda: holder[0].full,
        gone=gone.append,
    )
    given = replace(configuration(**settings), users=MappingProxyType({user.name: user for user in users}))
    made = Stage(spool, Limits(told=workers.refuse), workers, puppets, given, clock, gone=gone)
    holder.append(made)
    made.front = front(
        spool=spool,
        configuration=lambda: made.configuration,
        logins=Logins(users=lambda: made.configuration.users, clock=clock),
        mail_authentication=lambda: None,
        limits=made.limits,
        clock=clock,
        new_id=mail_ids(clock, secrets.token_bytes),
        wake=made.woken.append,
        full=lambda: made.full,
    )
    workers.ask(made.front, None)
    try:
        yield made
    finally:
        begun = [worker.link for worker in workers._workers]
        for link in begun:
            link.close()
        for puppet in puppets:
            puppet.close()
        await until(lambda: not begun or all(puppet.losses for puppet in puppets), "the links are closed")
        await spool.close()
