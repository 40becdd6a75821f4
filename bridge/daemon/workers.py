"""The processes that take mails and notifications beside the daemon, as it sees them; `bridge.daemon.worker` is inside.

One process takes some two and a half thousand mails a second and leaves the other cores idle. The others listen on the
daemon's own sockets, share nothing with each other, and ask it for whatever must be decided once: limits, logins,
exchanges, the commit. One that ends takes the daemon with it: what ended it is a mistake in the program, and systemd
starts them all again.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any, Final

from bridge import metrics
from bridge.census import Census, shared
from bridge.config import Configuration, Endpoint
from bridge.daemon.far import REFUSALS
from bridge.daemon.front import Front
from bridge.daemon.hands import Hand, reap
from bridge.daemon.parcels import (
    pack_accepted,
    pack_configuration,
    pack_conversation,
    pack_endpoints,
    pack_reply,
    pack_taken,
    unpack_intake,
    unpack_payable,
    unpack_report,
    unpack_settling,
)
from bridge.daemon.steady import STEP, Steady
from bridge.link import Answer, Later, Link, LinkLost, Mistake
from bridge.log import get_logger
from bridge.message import Channel, Clock, Report, StoreUnavailable
from bridge.smtpd.desk import Taken
from bridge.spool import Accepted, Intake
from bridge.webhook import Webhook

ANSWERS_WITHIN: Final = 60.0
"""Seconds after which a worker that does not answer hangs: no mail takes so long, and a log that stands still for a
while is no reason to end.
"""

LATE: Final = 10.0
"""Seconds beyond its grace after which a worker that drains is not waited for any more."""

_BEGINS_WITHIN: Final = 30.0


@dataclass(slots=True)
class _Worker:
    """A worker under way."""

    hand: Hand
    link: Link
    connections: int = 0  # as it last said
    gone: bool = False


class Workers:
    """All of them: `ask`, `begin`; in the end `drain` and `close`."""

    def __init__(
        self,
        hands: Sequence[Hand],
        *,
        clock: Clock,
        closed: Callable[[], bool],
        full: Callable[[], bool],
        gone: Callable[[str], None],
    ) -> None:
        """Without `hands` there are none, and all of this does nothing. `closed` and `full`: what no door, and what the
        mail door takes no more; `gone` is called when one of them ended.
        """
        self._hands = hands
        self._front: Front | None = None
        self._webhook: Webhook | None = None
        self._closed = closed
        self._clock = clock
        self._full = full
        self._gone = gone
        self._workers: list[_Worker] = []
        self._ending = False
        self._counting: int | None = None  # the descriptor of the census, until they have it
        self._log = get_logger("daemon")

    def __len__(self) -> int:
        return len(self._hands)

    @property
    def pids(self) -> list[int]:
        """The numbers of their processes, in the order in which they are named."""
        return [hand.pid for hand in self._hands]

    def census(self) -> Census | None:
        """Where all of them count; None where there are none. To be asked once, before they begin. Raises OSError."""
        if not self._hands:
            return None
        rows = 1 + len(self._hands)
        self._counting = shared(rows)
        return Census(self._counting, rows=rows)

    def ask(self, front: Front, webhook: Webhook | None) -> None:
        """What they will be answered from, and where what they hear from the provider is noted."""
        self._front, self._webhook = front, webhook

    async def begin(
        self, configuration: Configuration, mail: Sequence[tuple[socket.socket, Endpoint]], http: Sequence[int]
    ) -> None:
        """Let all listen on these, the webhook's by their descriptors, and wait until they do. Raises `LinkLost` where
        one does not.
        """
        loop = asyncio.get_running_loop()
        if not self._hands:
            return
        counting = self._counting if self._counting is not None else shared(1 + len(self._hands))
        descriptors = [counting, *(sock.fileno() for sock, _ in mail), *http]
        said = pack_endpoints([endpoint for _, endpoint in mail], len(descriptors))
        for hand in self._hands:
            link = self._link_to(len(self._workers))
            self._workers.append(_Worker(hand, link))
            await loop.create_unix_connection(partial(_same, link), sock=hand.link)
            socket.send_fds(hand.doorway, [said], descriptors)
            hand.doorway.close()
        os.close(counting)
        packed, processes = pack_configuration(configuration), 1 + len(self._hands)
        begins = (
            worker.link.ask("begin", packed, row, processes, *self._news())
            for row, worker in enumerate(self._workers, start=1)
        )
        try:
            async with asyncio.timeout(_BEGINS_WITHIN):
                await asyncio.gather(*begins)
        except TimeoutError:
            raise LinkLost("a process beside the daemon does not begin") from None

    async def configure(self, configuration: Configuration) -> None:
        """All go on by this one; `gone` is called when one does not: it would let in whom this one does not."""
        packed = pack_configuration(configuration) if self._workers else b""
        await asyncio.gather(*(self._answered(index, "configure", packed) for index in range(len(self._workers))))

    @property
    def connections(self) -> int:
        """Clients they have, as they last said."""
        return sum(worker.connections for worker in self._workers)

    def tell_news(self) -> None:
        """What changes by itself; to be called every now and then."""
        for worker in self._workers:
            worker.link.tell("news", *self._news())

    def refuse(self, phone: str, until: float) -> None:
        """The provider sends nothing to this phone."""
        for worker in self._workers:
            worker.link.tell("refuse", phone, until)

    async def look_after(self) -> None:
        """Have all answer; `gone` is called when one hangs."""
        await asyncio.gather(*(self._answered(index, "ping") for index in range(len(self._workers))))

    async def _answered(self, index: int, kind: str, *words: Any) -> None:
        try:
            await asyncio.wait_for(self._workers[index].link.ask(kind, *words), ANSWERS_WITHIN)
        except TimeoutError:
            self._lose(index, "hangs")
        except Mistake as mistake:
            self._lose(index, f"cannot {kind}: {mistake}")
        except LinkLost:
            return  # it was told when it ended

    async def drain(self, grace: float) -> None:
        """Let them end what is under way; one that hangs keeps nobody from the end."""
        self._ending = True
        present = [worker for worker in self._workers if not worker.gone]
        drains = (asyncio.wait_for(worker.link.ask("drain", grace), grace + LATE) for worker in present)
        for outcome in await asyncio.gather(*drains, return_exceptions=True):
            if isinstance(outcome, Exception):
                self._log.error("a worker process did not drain", reason=type(outcome).__name__)

    async def close(self) -> None:
        """Let them end; they do so when their link is closed."""
        self._ending = True
        for worker in self._workers:
            worker.link.close()
        await asyncio.to_thread(reap, self.pids)

    def _news(self) -> tuple[float, bool, bool]:
        return self._clock.ahead if isinstance(self._clock, Steady) else 0.0, self._closed(), self._full()

    # What they say.

    @property
    def _behind(self) -> Front:
        if self._front is None:
            raise RuntimeError("nobody speaks with clients before there is a door")
        return self._front

    def _link_to(self, index: int) -> Link:
        answers: dict[str, Answer] = {
            "take": self._take,
            "left": self._left,
            "take_sms": self._take_sms,
            "settle": self._settle,
            "login": self._login,
            "accept": self._accept,
            "bury": self._behind.spool.bury,
            "report": self._report,
            "conversation": self._conversation,
        }
        return Link(
            hears={
                "ring": self._behind.ring,
                "counted": partial(self._note_counts, index),
            },
            answers=answers,
            refusals=REFUSALS,
            lost=partial(self._note_gone, index),
        )

    async def _take(self, intake: tuple[Any, ...], owed: list[tuple[Any, ...]], answers: bool) -> tuple[Any, ...]:
        paying = [unpack_payable(one) for one in owed]
        try:
            return pack_taken(await self._behind.clerk.take(self._timely(intake), paying, answers=answers))
        except StoreUnavailable as error:
            return pack_taken(Taken(fault=str(error)))

    def _timely(self, packed: tuple[Any, ...]) -> Intake:
        """An intake, unless it was made by the time before a clock was set and would be too late or wait for days.
        Raises `StoreUnavailable`: it comes again.
        """
        intake = unpack_intake(packed)
        if abs(intake.at - self._clock()) > STEP:
            raise StoreUnavailable("the clock was set meanwhile")
        return intake

    async def _left(self, wanted: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        left = await self._behind.clerk.left(unpack_payable(wanted))
        return [(name, number, rate.count, rate.seconds) for name, (number, rate) in left.items()]

    async def _take_sms(self, content: bytes) -> tuple[Any, ...]:
        return pack_reply(await self._behind.clerk.take_sms(content))

    async def _settle(self, settling: tuple[Any, ...]) -> tuple[Any, ...]:
        return pack_reply(await self._behind.clerk.settle(unpack_settling(settling)))

    async def _login(self, name: str, password: bytes, peer: str | None, trusted: bool) -> tuple[Any, ...]:
        address = None if peer is None else ip_address(peer)
        found = await self._behind.logins.check(name, password, address, trusted=trusted)
        return found.right, found.doublings, found.locks

    def _accept(self, packed: tuple[Any, ...]) -> Later:
        intake = self._timely(packed)
        return Later(self._behind.spool.accept(intake), partial(self._accepted, intake))

    def _accepted(self, intake: Intake, accepted: Accepted) -> tuple[Any, ...]:
        """An SMS is kept; who has to know of it is here."""
        if not accepted.repeated:
            self._behind.heard(intake.sender, intake.at)
            self._behind.wake(Channel.MAIL)
        return pack_accepted(accepted)

    def _report(self, packed: tuple[Any, ...]) -> Later:
        report, now = unpack_report(packed), self._clock()
        return Later(self._behind.spool.report(report, now), partial(self._reported, report, now))

    def _reported(self, report: Report, now: float, known: bool) -> bool:
        metrics.AWAITED.reported(report.client_message_id, now)  # what was sent is counted here
        return known

    def _conversation(self, phone: str, line: str | None, now: float) -> Later:
        return Later(self._behind.spool.conversation(phone, line, now), pack_conversation)

    def _note_counts(self, index: int, counts: metrics.Counts, connections: int, heard_at: float | None) -> None:
        self._workers[index].connections = connections
        metrics.add_counts(counts)
        if self._webhook is not None and heard_at is not None:
            self._webhook.heard_at = max(heard_at, self._webhook.heard_at or heard_at)

    def _note_gone(self, index: int) -> None:
        self._workers[index].gone = True
        self._lose(index)

    def _lose(self, index: int, how: str = "ended") -> None:
        if not self._ending:
            self._ending = True
            self._gone(f"process {self._hands[index].pid} beside the daemon {how}")


def _same(link: Link) -> Link:
    return link
