"""A worker process, inside: the real one, with this test for its daemon; it speaks with clients and keeps nothing."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import trustme

from bridge import metrics
from bridge.census import shared
from bridge.config import Configuration, Endpoint, SmtpdSettings
from bridge.daemon import worker as worker_module
from bridge.daemon.far import REFUSALS
from bridge.daemon.parcels import pack_configuration, pack_endpoints, pack_taken, unpack_intake, unpack_payable
from bridge.daemon.worker import Worker
from bridge.limits import Wanted
from bridge.link import Answer, Link, LinkLost
from bridge.proof.logins import Busy, Locked
from bridge.smtpd import replies
from bridge.smtpd.desk import Taken
from bridge.spool import Accepted, Intake
from tests.daemon.hands import joined
from tests.daemon.test_mail_door import pem, trusting
from tests.flows.program import ROOT
from tests.flows.several import post
from tests.given import ANNA, configuration
from tests.smtpd.doorway import SENDER
from tests.smtpd.login import NAME, plain, user
from tests.smtpd.raw import Raw
from tests.wait import PATIENCE, until

ADDRESS, PHONE = ANNA.address or "", ANNA.numbers[0]
HERE = (ip_network("127.0.0.0/8"),)


@dataclass
class Boss:
    """The daemon, played by hand: it takes every mail, unless told otherwise."""

    configuration: Configuration
    endpoints: list[Endpoint]
    worker: Worker = field(init=False)
    link: Link = field(init=False)
    taken: list[Intake] = field(default_factory=list)
    paid: list[list[Any]] = field(default_factory=list)
    logins: list[tuple[Any, ...]] = field(default_factory=list)
    rung: list[tuple[str, str]] = field(default_factory=list)
    counted: list[tuple[Any, int, float | None]] = field(default_factory=list)
    answer: Taken | None = None
    login: Any = (True, 0, False)
    broken: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    listening: list[socket.socket] = field(default_factory=list)
    clients: list[Raw] = field(default_factory=list)

    async def start(self, *, full: bool = False, processes: int = 2) -> None:
        near, far = socket.socketpair()
        doorway, far_doorway = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for each in (near, far, doorway, far_doorway):
            each.setblocking(False)
        answers: dict[str, Answer] = {"take": self._take, "login": self._login}
        hears: dict[str, Callable[..., None]] = {
            "ring": lambda *words: self.rung.append(words),
            "counted": lambda *words: self.counted.append(words),
        }
        self.gate.set()
        self.link = Link(hears=hears, answers=answers, refusals=REFUSALS, lost=lambda: None)
        self.worker = Worker(far_doorway)
        await joined(lambda: self.worker.link, far)
        await joined(lambda: self.link, near)
        self.listening = [socket.create_server(("127.0.0.1", 0)) for _ in self.endpoints]
        census = shared(processes)
        descriptors = [census, *(sock.fileno() for sock in self.listening)]
        socket.send_fds(doorway, [pack_endpoints(self.endpoints, len(descriptors))], descriptors)
        doorway.close()
        os.close(census)
        news = self.worker._clock.ahead, False, full
        await self.link.ask("begin", pack_configuration(self.configuration), 1, processes, *news)

    async def _take(self, intake: tuple[Any, ...], owed: list[tuple[Any, ...]], _answers: bool) -> tuple[Any, ...]:
        made = unpack_intake(intake)
        self.taken.append(made)
        self.paid.append([unpack_payable(one) for one in owed])
        await self.gate.wait()
        if self.broken:
            raise RuntimeError("a mistake")
        return pack_taken(self.answer or Taken(accepted=Accepted(id=made.id)))

    async def _login(self, *words: Any) -> Any:
        self.logins.append(words)
        if isinstance(self.login, Exception):
            raise self.login
        return self.login

    async def stop(self) -> None:
        self.gate.set()
        with suppress(LinkLost):
            await self.link.ask("drain", 1.0)
        self.link.close()
        await until(self.worker.over.is_set)
        if self.worker._mail is not None:
            await self.worker._mail.drain(0.0)  # the end of the process does it else
        if self.worker._counting is not None:
            self.worker._counting.cancel()
        for sock in self.listening:
            sock.close()
        for client in self.clients:
            await client.close()

    async def configure(self, new: Configuration) -> None:
        self.configuration = new
        await self.link.ask("configure", pack_configuration(new))

    async def client(self, number: int = 0, context: Any = None) -> Raw:
        """One that has said EHLO at the socket with this number."""
        self.clients.append(await Raw.greeted(self.listening[number].getsockname()[1], context))
        return self.clients[-1]

    async def send(self, to: str = ADDRESS, text: str = "Hallo") -> str:
        client = await self.client()
        for line in (f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{to}>", "DATA"):
            reply = await client.say(line)
            if reply[0] not in "23":
                return reply
        return await client.say(f"\r\n{text}\r\n.")


def changed(given: Configuration, **smtpd: Any) -> Configuration:
    settings = replace(given.settings.smtpd, **smtpd)
    return replace(given, settings=replace(given.settings, smtpd=settings))


@asynccontextmanager
async def boss(given: Configuration | None = None, *endpoints: Endpoint, **start: Any) -> AsyncIterator[Boss]:
    made = Boss(given or configuration(), list(endpoints) or [Endpoint(host="", port=0)])
    await made.start(**start)
    try:
        yield made
    finally:
        await made.stop()


async def test_what_it_makes_of_a_mail_is_handed_in_and_only_then_is_it_taken() -> None:
    async with boss() as daemon:
        daemon.gate.clear()
        sending = asyncio.create_task(daemon.send(text="Gruss"))
        await until(lambda: daemon.taken)
        assert not sending.done(), "before the daemon has it nobody hears of it"
        daemon.gate.set()
        (intake,) = daemon.taken
        assert await sending == f"250 2.0.0 queued as {intake.id}"
        assert (intake.sender, intake.peer, intake.proof) == (SENDER, "127.0.0.1", "network")
        assert [delivery.recipient for delivery in intake.deliveries] == [PHONE]
        assert b"Gruss" in intake.deliveries[0].payload
        assert daemon.paid == [[Wanted(sender=SENDER, recipients=(PHONE,), route=ANNA.name)]]


async def test_whatever_is_in_a_mail_can_be_said_to_the_daemon() -> None:
    mails = sorted((ROOT / "tests" / "golden" / "mail").glob("*.eml"))
    assert len(mails) > 100
    async with boss() as daemon:
        client = await daemon.client()
        for number, mail in enumerate(mails, start=1):
            if number % 20 == 0:
                client = await daemon.client()
            reply = await post(client, mail.read_bytes(), ADDRESS, "postmaster@sms.example.com", sender=SENDER)
            assert reply[:4] in {"250 ", "550 ", "552 ", "554 "}, f"{mail.name}: {reply}"
        assert len(daemon.taken) > 100
        assert daemon.rung == []


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (Taken(accepted=Accepted(id="M7", repeated=True)), "250 2.0.0 already queued as M7"),
        (Taken(reached=(0, "route")), "450 4.7.1 too many SMS for now (limit of route), try again later"),
        (Taken(fault="database is locked"), "451 4.3.0 "),
    ],
    ids=["again", "limit", "fault"],
)
async def test_what_the_daemon_says_is_what_the_client_hears(answer: Taken, reply: str) -> None:
    async with boss() as daemon:
        daemon.answer = answer
        assert (await daemon.send()).startswith(reply)
        if answer.reached is not None:
            await until(lambda: daemon.rung, "the operator hears of a limit")
        assert bool(daemon.rung) == (answer.reached is not None)


async def test_a_mistake_of_the_daemon_is_a_later_for_the_client() -> None:
    async with boss() as daemon:
        daemon.broken = True
        assert (await daemon.send()).startswith(("451 ", "421 "))
        daemon.broken = False
        assert (await daemon.send()).startswith("250 ")
        await until(lambda: [about for about, _ in daemon.rung if about == "broke"])


async def test_without_the_daemon_it_takes_nothing_and_ends() -> None:
    async with boss() as daemon:
        daemon.gate.clear()
        sending = asyncio.create_task(daemon.send())
        await until(lambda: daemon.taken)
        stopping = asyncio.create_task(until(daemon.worker.over.is_set))
        daemon.link.close()
        assert not (await sending).startswith("250"), "whatever became of it, the client has it still"
        await stopping


async def test_a_full_spool_is_said_at_mail_as_soon_as_it_is_known() -> None:
    async with boss(full=True) as daemon:
        assert (await daemon.send()).startswith("452 4.3.1 ")
        daemon.link.tell("news", daemon.worker._clock.ahead, False, False)
        await daemon.link.ask("ping")
        assert (await daemon.send()).startswith("250 ")
        daemon.link.tell("news", daemon.worker._clock.ahead, False, True)
        await daemon.link.ask("ping")
        assert (await daemon.send()).startswith("452 4.3.1 ")


async def test_its_clock_is_the_daemons() -> None:
    async with boss() as daemon:
        ahead = daemon.worker._clock.ahead - 30 * 86400.0
        daemon.link.tell("news", ahead, False, False)
        await daemon.link.ask("ping")
        await daemon.send()
        assert abs(daemon.taken[0].at - daemon.worker._clock()) < 3600
        assert daemon.worker._clock.ahead == ahead


async def test_a_phone_that_the_provider_refuses_is_refused_at_rcpt() -> None:
    async with boss() as daemon:
        daemon.link.tell("refuse", PHONE, daemon.worker._clock() + 60)
        await daemon.link.ask("ping")
        assert (await daemon.send()).startswith("550 5.7.1 the provider sends nothing to this number")
        daemon.link.tell("refuse", PHONE, daemon.worker._clock() - 1)
        await daemon.link.ask("ping")
        assert (await daemon.send()).startswith("250 ")
        assert daemon.rung == []


async def test_logins_are_the_daemons_business(tmp_path: Path) -> None:
    authority = trustme.CA()
    both = pem(tmp_path, authority)
    given = replace(
        configuration(smtpd=SmtpdSettings(tls_certificate=both, tls_key=both)),
        users=MappingProxyType({"panel": user("panel")}),
    )
    async with boss(given, Endpoint(host="", port=0, mode="implicit")) as daemon:
        secret = secrets.token_urlsafe(9).encode()
        for answer, reply in (
            ((True, 0, False), "235 "),
            ((False, 0, False), "535 5.7.8 "),
            (Locked(), "421 4.7.0 "),
            (Busy(), "454 4.7.0 "),
        ):
            daemon.login = answer
            client = await daemon.client(context=trusting(authority))
            assert (await client.say(plain(NAME, secret))).startswith(reply)
        assert set(daemon.logins) == {("panel", secret, "127.0.0.1", False)}


async def test_each_socket_is_served_as_it_is_said(tmp_path: Path) -> None:
    authority = trustme.CA()
    both = pem(tmp_path, authority)
    given = configuration(smtpd=SmtpdSettings(tls_certificate=both, tls_key=both))
    modes = [Endpoint(host="", port=0, mode=mode) for mode in ("starttls", "implicit", "plain", "legacy")]
    modes.append(Endpoint(host="", port=0, proxy=HERE))
    async with boss(given, *modes) as daemon:
        client = await daemon.client(0)
        assert "STARTTLS" in await client.say("EHLO x")
        await client.start_tls(trusting(authority))
        assert (await client.say("EHLO x")).startswith("250")
        assert (await (await daemon.client(1, trusting(authority))).say("NOOP")).startswith("250")
        assert "STARTTLS" not in await (await daemon.client(2)).say("EHLO x")
        legacy = await Raw.connect(daemon.listening[3].getsockname()[1])
        assert await legacy.reply() == replies.NOT_ONE_OF_OURS.encode().decode().strip()
        proxied = await Raw.connect(daemon.listening[4].getsockname()[1])
        await proxied.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 1234 25\r\n")
        assert (await proxied.reply()).startswith("220 ")
        daemon.clients += [legacy, proxied]
        await until(lambda: any(session.peer.host == "192.0.2.7" for session in _sessions(daemon)))


def _sessions(daemon: Boss) -> Any:
    assert daemon.worker._mail is not None
    return list(daemon.worker._mail.sessions)


async def test_a_reload_holds_for_new_sessions_and_ends_those_of_who_was_removed() -> None:
    given = changed(configuration(), networks=())
    given = replace(given, users=MappingProxyType({"panel": user("panel"), "pump": user("pump")}))
    async with boss(given, Endpoint(host="", port=0, mode="plain")) as daemon:
        kept, removed, nobody = [await daemon.client() for _ in range(3)]
        for session, name in zip(
            sorted(_sessions(daemon), key=lambda one: one.peer.port), ("panel", "pump", None), strict=True
        ):
            session.peer.user = name  # AUTH needs TLS, which another test has
        by_port = {client.writer.get_extra_info("sockname")[1]: client for client in (kept, removed, nobody)}
        ordered = [by_port[port] for port in sorted(by_port)]
        new = replace(given, users=MappingProxyType({"panel": given.users["panel"]}))
        await daemon.configure(changed(new, max_connections=11, max_connections_per_address=7))
        assert (await ordered[1].rest()).startswith(b"421 "), "his password may be stolen"
        for client in (ordered[0], ordered[2]):
            assert await client.say("NOOP") == "250 2.0.0 OK"
        listener = daemon.worker._mail
        assert listener is not None
        assert (listener.total, listener.per_address) == (6, 7), (
            "its part of the whole, and all of what one address may have"
        )


async def test_a_certificate_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    async with boss() as daemon:
        given = daemon.configuration
        wrong = replace(
            changed(given, tls_certificate=tmp_path / "none", tls_key=tmp_path / "none"), routes=type(given.routes)()
        )
        with pytest.raises(LinkLost):
            await daemon.configure(wrong)
        assert (await daemon.send()).startswith("250 "), "the old routes are there still"


async def test_it_drains_a_mail_under_way_and_says_farewell_to_the_idle() -> None:
    async with boss() as daemon:
        idle, busy = await daemon.client(), await daemon.client()
        await busy.envelope(SENDER, ADDRESS)
        await busy.say("DATA")
        draining = daemon.link.ask("drain", 20.0)
        assert await idle.rest() == replies.SHUTTING_DOWN.encode()
        assert not draining.done()
        assert (await busy.say("\r\nnoch schnell\r\n.")).startswith("250 ")
        await asyncio.wait_for(draining, PATIENCE)
        assert len(daemon.taken) == 1


async def test_what_it_counts_is_told_and_at_its_end_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_COUNTED_EVERY", 0.02)
    async with boss() as daemon:
        assert (await daemon.send()).startswith("250 ")
        assert (await daemon.send("nobody@sms.example.com")).startswith("550 5.1.3 ")
        await until(lambda: any(counts for counts, _, _ in daemon.counted))
        await until(lambda: daemon.counted[-1][1] == 2, "its connections")
        monkeypatch.setattr(worker_module, "_COUNTED_EVERY", 3600)
        await daemon.send("nobody@sms.example.com")
    total: dict[Any, float] = {}
    for counts, _, _ in daemon.counted:
        for name, labels, numbers in counts:
            total[name, labels] = total.get((name, labels), 0.0) + numbers[0]
    assert total["connections", ()] == 3
    assert total["rejects", ("550 5.1.3",)] == 2
    assert all(name in {one.name for one in (*metrics.COUNTERS, *metrics.HISTOGRAMS)} for name, _ in total)


async def test_until_it_has_begun_nobody_is_let_in_and_it_ends_all_the_same() -> None:
    doorway, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    near, far_link = socket.socketpair()
    for each in (doorway, far, near, far_link):
        each.setblocking(False)
    made = Worker(far)
    await joined(lambda: made.link, far_link)
    near.close()
    await until(made.over.is_set)
    doorway.close()
    far.close()
