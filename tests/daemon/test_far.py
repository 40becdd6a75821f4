"""The daemon's desk and logins, asked over a real link: the answers and exceptions of those that stand there."""

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest

from bridge.config import Rate, WebsmsMailSettings
from bridge.config.users import CERTIFICATE
from bridge.daemon.far import FarDesk, FarLogins, FarSpool
from bridge.limits import Asking, Forwarding, Payable, Wanted
from bridge.link import LinkLost
from bridge.message import Bounce, Channel, Fate, Report, ReportState, State, StoreUnavailable
from bridge.proof.lockout import FAILURES
from bridge.proof.logins import HASHES_AT_ONCE, MOST_WAITING, Busy, Locked, Logins
from bridge.smtpd.returned import Settling
from bridge.spool import Accepted, Event, Step
from tests.daemon.hands import Stage, stage
from tests.given import NO_LIMITS
from tests.make import NOW, PHONE, delivery, intake
from tests.smtpd.login import NAME, PASSWORD, Hashing, user
from tests.wait import PATIENCE, until

WANTED = Wanted(sender="bernd@example.org", recipients=(PHONE,), route="anna")
HERE, SIX = IPv4Address("192.0.2.7"), IPv6Address("2001:db8::7")
SECRET = "sms-in-k3x8v5q2@sms.example.com"  # made up


@pytest.fixture
async def far(tmp_path: Path) -> AsyncIterator[Stage]:
    limits = replace(NO_LIMITS, sender=Rate(count=2, seconds=86400))
    users = [user("panel"), user("pump", CERTIFICATE)]
    async with stage(tmp_path, users=users, limits=limits, websms_mail=WebsmsMailSettings(address=SECRET)) as made:
        await made.begin()
        yield made


@pytest.fixture
def desk(far: Stage) -> FarDesk:
    return FarDesk(far.link)


@pytest.fixture
def logins(far: Stage) -> FarLogins:
    return FarLogins(far.link, Logins(users=lambda: far.configuration.users, clock=far.clock))


async def test_a_mail_is_kept_paid_for_and_delivery_hears_of_it(far: Stage, desk: FarDesk) -> None:
    made = delivery(payload=b"\x00Gr\xfc\xdfe", urgent=True, address="anna@sms.example.com")
    taken = await desk.take(intake(made, seen=(b"1",), original=b"Subject: x\r\n"), [WANTED], answers=False)
    assert taken.accepted is not None
    assert (taken.accepted.id, taken.accepted.repeated, taken.reached, taken.fault) == ("M1", False, None, "")
    assert far.woken == [Channel.SMS]
    ((kept, _),) = await far.spool.show("M1-1")
    assert kept == made
    assert dict(await desk.left(WANTED)) == {"sender": (1, Rate(count=2, seconds=86400))}


async def test_the_same_mail_is_recognised_and_costs_nothing(desk: FarDesk) -> None:
    for mail in ("M1", "M2", "M3"):
        taken = await desk.take(intake(delivery(mail=mail), seen=(b"1",)), [WANTED], answers=False)
        assert taken.accepted is not None
        assert (taken.accepted.id, taken.accepted.repeated) == ("M1", mail != "M1")


async def test_a_limit_is_reached_by_what_is_named(far: Stage, desk: FarDesk) -> None:
    both: list[Payable] = [
        Asking(sender="x@example.org", answers=1),
        Forwarding(client="192.0.2.7"),
        replace(WANTED, recipients=("1",) * 3),
    ]
    await desk.take(intake(delivery(mail="M1")), [WANTED], answers=False)
    taken = await desk.take(intake(delivery(mail="M2")), both, answers=False)
    assert (taken.reached, taken.accepted, taken.fault) == ((2, "sender"), None, "")
    assert await far.spool.open_count() == 1


async def test_a_store_that_is_away_is_a_fault_and_no_exception(far: Stage, desk: FarDesk) -> None:
    await far.spool.close()
    taken = await desk.take(intake(delivery()), [WANTED], answers=False)
    assert taken.fault
    assert (taken.accepted, taken.reached) == (None, None)


async def test_what_is_no_sms_leaves_nothing_to_tell(desk: FarDesk) -> None:
    assert dict(await desk.left(Asking(sender="x", answers=1))) == {}


async def test_an_sms_that_came_as_a_mail(far: Stage, desk: FarDesk) -> None:
    head = f"From: sms@provider.example.net\r\nTo: {SECRET}\r\nSubject: SMS from +{PHONE} to 0660 0000099\r\n\r\n"
    reply = await desk.take_sms(head.encode() + b"Bin gleich da\r\n")
    assert (reply.code, reply.status) == (250, "2.0.0"), reply
    assert [item.channel for item in await far.spool.listing(None, 9)] == [Channel.MAIL]


async def test_an_sms_is_kept_and_whoever_must_know_of_it_does(far: Stage) -> None:
    spool = FarSpool(far.link)
    wrote_at = NOW - 5.0
    far.limits.exchanges.wrote("anna@example.com", PHONE, wrote_at, answers=False)
    made = delivery(channel=Channel.MAIL, recipient="anna@example.com", payload=b"x")
    sms = intake(made, kind="sms", sender=PHONE, notification_id="n1", digest=b"1")
    assert await spool.conversation(PHONE, None, NOW) is None
    assert await spool.accept(sms) == Accepted(id="M1")
    assert far.woken == [Channel.MAIL]
    assert [len(pair.heard) for pair in far.limits.exchanges._phones[PHONE].values()] == [1]
    for digest, differs in ((b"1", False), (b"2", True)):
        again = await spool.accept(replace(sms, id="M2", digest=digest))
        assert again == Accepted(id="M1", repeated=True, differs=differs)
    assert far.woken == [Channel.MAIL], "of what came again nobody hears"
    assert [len(pair.heard) for pair in far.limits.exchanges._phones[PHONE].values()] == [1]


async def test_a_report_and_what_is_buried(far: Stage) -> None:
    spool = FarSpool(far.link)
    await spool.bury("n1", b"\x00\xff", "no JSON", NOW)
    assert ["no JSON" in alert.text for alert in await far.spool.alerts(9)] == [True]
    await far.spool.accept(intake(delivery()))
    for client_id, known in (("M1-1", True), ("M9-1", False)):
        report = Report(notification_id=client_id, state=ReportState.DELIVERED, client_message_id=client_id)
        assert await spool.report(report, NOW) is known


async def test_a_store_that_is_away_is_so_for_a_worker(far: Stage) -> None:
    spool = FarSpool(far.link)
    await far.spool.close()
    asked: list[Awaitable[Any]] = [
        spool.accept(intake(delivery(), kind="sms")),
        spool.bury("n1", b"", "", NOW),
        spool.report(Report(notification_id="n1", state=ReportState.DELIVERED), NOW),
        spool.conversation(PHONE, None, NOW),
    ]
    for one in asked:
        with pytest.raises(StoreUnavailable, match="closed"):
            await one


async def test_a_bounce(far: Stage, desk: FarDesk) -> None:
    await far.spool.accept(intake(delivery(channel=Channel.MAIL, recipient="anna@example.com", sender="x@example.org")))
    for state in (State.SENDING, State.SENT):
        await far.spool.move([Step(id="M1-1", to=state, event=state.value)], NOW)
    bounce = Bounce(fate=Fate.FAILED, status="5.1.1", text="no such user", digest=b"\x00\xff")
    reply = await desk.settle(Settling(deliveries=("M1-1",), bounce=bounce))
    assert (reply.code, reply.status) == (250, "2.0.0"), reply
    ((found, events),) = await far.spool.show("M1-1")
    assert found.state is State.FAILED
    last: Event = list(events)[-1]
    assert "no such user" in last.text


async def test_a_right_password_and_a_wrong_one(logins: FarLogins) -> None:
    right = await logins.check("panel", PASSWORD, HERE)
    assert (right.right, right.locks) == (True, False)
    for peer in (SIX, None):
        wrong = await logins.check("panel", secrets.token_bytes(9), peer, trusted=peer is None)
        assert (wrong.right, wrong.locks) == (False, False)
    assert not (await logins.check("nobody \ufffd", b"\x00\xff", SIX)).right, "whatever was typed there"


async def test_who_is_locked_out_is_so_for_the_daemon_and_every_worker(far: Stage, logins: FarLogins) -> None:
    outcomes = [await logins.check("nobody", b"%d" % number, HERE) for number in range(FAILURES)]
    assert [outcome.locks for outcome in outcomes] == [False] * (FAILURES - 1) + [True]
    assert outcomes[-1].doublings > outcomes[0].doublings
    with pytest.raises(Locked):
        await logins.check("panel", PASSWORD, HERE)
    with pytest.raises(Locked):
        await far.front.logins.check("panel", PASSWORD, HERE)
    assert (await logins.check("panel", PASSWORD, SIX)).right


async def test_too_many_at_once_are_busy(logins: FarLogins, monkeypatch: pytest.MonkeyPatch) -> None:
    hashing = Hashing(monkeypatch)
    hashing.gate = threading.Event()
    try:
        places = [IPv4Address(f"192.0.2.{number}") for number in range(1, HASHES_AT_ONCE + MOST_WAITING + 1)]
        waiting = [asyncio.create_task(logins.check(NAME.decode(), b"wrong", place)) for place in places]
        await until(lambda: hashing.at_once == HASHES_AT_ONCE)
        with pytest.raises(Busy):
            await asyncio.wait_for(logins.check("panel", b"wrong", HERE), PATIENCE)
    finally:
        hashing.gate.set()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_what_needs_no_memory_of_others_is_answered_near(logins: FarLogins) -> None:
    assert logins.exposes("panel")
    assert not logins.exposes("pump")
    assert not logins.exposes("nobody")


async def test_without_the_daemon_nothing_is_taken(far: Stage, desk: FarDesk, logins: FarLogins) -> None:
    far.workers._workers[0].link.close()
    await until(lambda: far.puppets[0].losses)
    assert (await desk.take(intake(delivery()), [], answers=False)).fault == "the daemon is gone"
    for asked in (FarSpool(far.puppets[0].link).conversation("43", None, 1.0),):
        with pytest.raises(StoreUnavailable):
            await asked
    with pytest.raises(LinkLost):
        await desk.left(WANTED)
    with pytest.raises(LinkLost):
        await desk.take_sms(b"")
    with pytest.raises(LinkLost):
        await desk.settle(Settling(deliveries=(), bounce=Bounce(fate=Fate.DELAYED)))
    with pytest.raises(LinkLost):
        await logins.check("panel", PASSWORD, HERE)
