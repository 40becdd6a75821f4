"""Several processes at the mail door, and what may befall them: stopped, killed, left alone, told nonsense."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge.config import Endpoint
from bridge.daemon.doors import Doors
from bridge.daemon.far import REFUSALS, FarDesk, FarSpool
from bridge.daemon.front import front
from bridge.daemon.hands import Hand
from bridge.daemon.parcels import pack_configuration, pack_endpoints
from bridge.daemon.worker import Worker
from bridge.daemon.workers import Workers
from bridge.link import Link, Mistake
from bridge.log import get_logger
from bridge.message import StoreUnavailable
from bridge.proof.logins import Logins
from bridge.relay import or_put_aside
from bridge.simulator import Simulator
from tests import make
from tests.flows.program import PROGRAM
from tests.flows.rig import Bridge, letter, running
from tests.flows.smtp import Client
from tests.given import configuration
from tests.smtpd.doorway import Doorway, open_door
from tests.test_systemd import settings
from tests.wait import PATIENCE, until, until_async

HURRIED = (
    "from bridge.daemon import daemon, hands, workers; daemon.DOOR_GRACE = 0.2; workers.ANSWERS_WITHIN = 3.0; "
    "workers.LATE = hands.LAST_WORDS = 0.5; "
    f"{PROGRAM}"
)
"""The program, with less patience at its end."""


@asynccontextmanager
async def several(
    place: Path,
    *,
    processes: int = 2,
    more: str = "",
    top: str = "",
    networks: str = "127.0.0.0/8",
    program: str = PROGRAM,
    start: Sequence[str] = (),
    **changes: Any,
) -> AsyncIterator[tuple[Bridge, Simulator]]:
    """A bridge of so many processes; `more` is written into [smtpd], `top` behind all; started under `start`."""
    async with running(place, start=False, processes=processes, **changes) as (bridge, simulator):
        written = bridge.config.read_text(encoding="utf-8")
        written = written.replace("[smtpd]\n", f"[smtpd]\n{more}")
        written = written.replace('"127.0.0.0/8"', f'"{networks}"')
        bridge.config.write_text(f"{written}{top}", encoding="utf-8")
        bridge.program = program
        bridge.start(*start)
        await bridge.ready()
        yield bridge, simulator


def workers_of(bridge: Bridge) -> list[int]:
    """The ids of its worker processes."""
    children = Path(f"/proc/{bridge.pid}/task/{bridge.pid}/children").read_text(encoding="ascii")
    return [int(word) for word in children.split()]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody asked how."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] in {"Z", "X"}


async def linked(stack: AsyncExitStack, **answers: Any) -> tuple[Link, Link]:
    """Both ends of a link in this process; what is asked of the second is answered by these."""
    loop = asyncio.get_running_loop()
    ends = (
        Link(hears={}, answers={}, lost=lambda: None),
        Link(hears={}, answers=answers, lost=lambda: None),
    )
    for sock, link in zip(socket.socketpair(), ends, strict=True):
        await loop.create_unix_connection(partial(_same, link), sock=sock)
        stack.callback(link.close)
    return ends


def _same(link: Link) -> Link:
    return link


async def test_words_that_no_link_can_carry_are_told_to_who_says_them_and_keep_nobody_waiting() -> None:
    async def echo(word: Any) -> Any:
        return word

    async def odd() -> Any:
        return Path("/")

    async with AsyncExitStack() as stack:
        asking, _ = await linked(stack, echo=echo, odd=odd)
        said = await asyncio.wait_for(
            asyncio.gather(
                asking.ask("echo", 1), asking.ask("echo", Path("/")), asking.ask("odd"), asking.ask("echo", 2),
                return_exceptions=True,
            ),
            PATIENCE,
        )  # fmt: skip
        assert (said[0], said[3]) == (1, 2)
        assert isinstance(said[1], ValueError)
        assert isinstance(said[2], Mistake)


async def test_a_notification_that_meets_a_mistake_in_the_daemon_is_put_aside_and_not_refused_for_ever() -> None:
    async def accept(_intake: object) -> Any:
        raise RuntimeError("a mistake")

    buried: list[bytes] = []

    async def bury(_id: str, body: bytes, _reason: str, _at: float) -> Any:
        buried.append(body)
        return False, None

    async with AsyncExitStack() as stack:
        asking, _ = await linked(stack, accept=accept, bury=bury)
        spool = FarSpool(asking)
        taking, logger = spool.accept(make.intake()), get_logger("webhook")
        assert await or_put_aside(taking, b"body", spool=spool, now=make.NOW, log=logger) is None
        assert buried == [b"body"]


@dataclass
class Beside:
    """The daemon's side of one worker, which a test plays."""

    workers: Workers
    link: Link  # the worker's end
    doorway: Doorway
    gone: list[str] = field(default_factory=list)


@asynccontextmanager
async def beside(place: Path, **answers: Callable[..., Awaitable[Any]]) -> AsyncIterator[Beside]:
    """A worker that answers so, and has begun."""

    async def begin(*_: Any) -> None:
        """It listens nowhere."""

    async with AsyncExitStack() as stack:
        door = await stack.enter_async_context(open_door(place))
        link, far_link = socket.socketpair()
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stack.callback(far.close)
        gone: list[str] = []
        workers = Workers(
            [Hand(pid=0, link=link, doorway=near)],
            clock=lambda: door.now,
            closed=lambda: False,
            full=lambda: False,
            gone=gone.append,
        )
        behind = front(
            spool=door.spool,
            configuration=lambda: door.configuration,
            logins=Logins(users=dict, clock=lambda: door.now),
            mail_authentication=lambda: None,
            limits=door.limits,
            clock=lambda: door.now,
            new_id=lambda: "M0",
            wake=door.woken.append,
            full=lambda: False,
        )
        workers.ask(behind, None)
        worker = Link(
            hears={"news": lambda *_: None},
            answers={"begin": begin, **answers},
            refusals=REFUSALS,
            lost=lambda: None,
        )
        await asyncio.get_running_loop().create_unix_connection(partial(_same, worker), sock=far_link)
        stack.callback(worker.close)
        await workers.begin(door.configuration, [], [])
        yield Beside(workers, worker, door, gone)


async def test_what_was_made_before_the_clock_was_set_comes_again(tmp_path: Path) -> None:
    async with beside(tmp_path) as them:
        desk, spool = FarDesk(them.link), FarSpool(them.link)
        assert (await desk.take(make.intake(make.delivery()), [], answers=False)).accepted is not None
        them.doorway.now -= 2 * 86400  # what comes now would wait for two days
        late = make.intake(make.delivery(mail="M2"))
        assert (await desk.take(late, [], answers=False)).fault == "the clock was set meanwhile"
        with pytest.raises(StoreUnavailable):
            await spool.accept(late)
        assert [kept.mail for kept in await them.doorway.kept()] == ["M1"]


async def test_a_worker_that_cannot_follow_a_new_configuration_ends_all(tmp_path: Path) -> None:
    async def configure(_: bytes) -> None:
        raise PermissionError("the certificate")

    async with beside(tmp_path, configure=configure) as them:
        await asyncio.wait_for(them.workers.configure(them.doorway.configuration), PATIENCE)
        assert len(them.gone) == 1  # it would let in whom the new configuration does not
        assert "cannot configure: PermissionError" in them.gone[0]


async def test_a_process_without_a_mail_door_tells_its_workers_of_a_reload(tmp_path: Path) -> None:
    told: list[bytes] = []

    async def configure(packed: bytes) -> None:
        told.append(packed)

    async with beside(tmp_path, configure=configure) as them:
        await Doors(mail=None, webhook=None, workers=them.workers).renew(them.doorway.configuration, None)
        assert len(told) == 1


async def test_a_worker_that_lacks_a_socket_does_not_begin(tmp_path: Path) -> None:
    """The kernel leaves descriptors out without a word where a process may not have more."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    worker = Worker(far)
    asking = Link(hears={}, answers={}, lost=lambda: None)
    async with AsyncExitStack() as stack:
        for sock, link in zip(socket.socketpair(), (worker.link, asking), strict=True):
            await asyncio.get_running_loop().create_unix_connection(partial(_same, link), sock=sock)
            stack.callback(link.close)
        socket.send_fds(near, [pack_endpoints([Endpoint(host="", port=25)], 1)], [])
        near.close()
        with pytest.raises(Mistake, match="OSError"):
            await asyncio.wait_for(
                asking.ask("begin", pack_configuration(configuration()), 1, 2, 0.0, False, False), PATIENCE
            )


def test_the_unit_has_room_for_the_threads_of_all_processes() -> None:
    most, threads = 64, 8
    assert int(settings("smsbridge.service")["TasksMax"][0]) >= most * threads


async def test_a_worker_that_hangs_ends_all_though_no_watchdog_looks(tmp_path: Path) -> None:
    async with several(tmp_path, program=HURRIED) as (bridge, _):
        (worker,) = workers_of(bridge)
        os.kill(worker, signal.SIGSTOP)
        assert await bridge.ended(45.0) == 1
        assert f"process {worker} beside the daemon hangs" in bridge.log
        assert is_gone(worker)


async def test_processes_that_are_only_configured_take_nobody_s_part(tmp_path: Path) -> None:
    more = "max_connections_per_address = 4\n"
    async with several(tmp_path, processes=1, more=more, networks="10.0.0.0/8") as (bridge, _):
        written = bridge.config.read_text(encoding="utf-8")
        bridge.config.write_text(written.replace("processes = 1", "processes = 4"), encoding="utf-8")
        bridge.signal(signal.SIGHUP)
        await until(lambda: "reloaded" in bridge.log, "the new configuration")
        async with AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(await Client.connect(bridge.port("smtp")))


async def test_an_address_has_all_its_places_and_no_more_however_connections_fall_to_processes(tmp_path: Path) -> None:
    more = "max_connections_per_address = 6\n"
    async with several(tmp_path, processes=4, more=more, networks="10.0.0.0/8") as (bridge, _):
        for number in range(40):  # how they end must not matter
            with suppress(OSError, EOFError):
                client = await Client.connect(bridge.port("smtp"))
                if number % 2:
                    client.writer.transport.abort()
                await client.close()

        async def crowded() -> bool:
            """Whether six are let in and a seventh is not."""
            async with AsyncExitStack() as stack:
                try:
                    for _ in range(6):
                        await stack.enter_async_context(await Client.connect(bridge.port("smtp")))
                except ConnectionAbortedError:
                    return False  # some of the last ones are still on their way out
                with pytest.raises(ConnectionAbortedError, match=r"^421 4\.7\.0"):
                    await Client.connect(bridge.port("smtp"))
                return True

        await until_async(crowded, "all places of an address")


async def test_no_worker_takes_more_than_the_queue_may_hold(tmp_path: Path) -> None:
    async with several(tmp_path, processes=3, top="[spool]\nmax_queued = 3\n") as (bridge, simulator):
        await simulator.stop()  # nothing leaves the queue
        said = [await bridge.reply(letter(f"number {number}")) for number in range(12)]
        assert sum(reply.startswith("250") for reply in said) == 3
        assert all(reply.startswith("452") for reply in said[3:])


async def test_a_stopped_worker_does_not_keep_the_daemon_from_its_end(tmp_path: Path) -> None:
    async with several(tmp_path, program=HURRIED) as (bridge, _):
        (worker,) = workers_of(bridge)
        os.kill(worker, signal.SIGSTOP)
        assert await bridge.stop() == 0
        assert is_gone(worker)
        assert "a worker process did not drain" in bridge.log


async def test_a_stopped_worker_that_lost_its_daemon_holds_no_port(tmp_path: Path) -> None:
    async with several(tmp_path) as (bridge, _):
        (worker,) = workers_of(bridge)
        os.kill(worker, signal.SIGSTOP)
        try:
            bridge.kill()
            bridge.start()
            await bridge.ready()
        finally:
            if not is_gone(worker):
                os.kill(worker, signal.SIGKILL)


async def test_a_daemon_whose_parent_ignores_the_end_of_children_stops_in_order(tmp_path: Path) -> None:
    async with several(tmp_path, start=("env", "--ignore-signal=CHLD")) as (bridge, _):
        assert await bridge.stop() == 0
        assert "stopped" in bridge.log
