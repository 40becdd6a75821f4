"""The desk: a mail is paid for and kept, or neither."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.config import Configuration, Rate
from bridge.limits import Asking, Limits, Payable, Wanted
from bridge.message import Channel
from bridge.smtpd.bell import Bell
from bridge.smtpd.desk import Clerk
from bridge.spool import Intake
from bridge.spool.postgres.link import target as server
from bridge.spool.postgres.pool import SharedPool
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.given import NO_LIMITS, configuration
from tests.make import NOW, delivery
from tests.make import intake as make_intake

WANTED = Wanted(sender="bernd@example.org", recipients=("436600000001",), route="anna")


class Counter:
    """A desk, and the hall around it."""

    def __init__(self, spool: SqliteSpool, limits: Limits | None = None, rate: int = 2) -> None:
        self.spool = spool
        self.limits = limits or Limits()
        self.configuration: Configuration = configuration(
            limits=replace(NO_LIMITS, sender=Rate(count=rate, seconds=60))
        )
        self.woken: list[Channel] = []
        self.clerk = Clerk(
            spool=spool,
            limits=self.limits,
            configuration=lambda: self.configuration,
            clock=lambda: NOW,
            new_id=lambda: "new",
            ring=Bell(spool=spool, clock=lambda: NOW).ring,
            wake=self.woken.append,
        )


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    spool = await open_spool(tmp_path / "s.db")
    yield Counter(spool)
    await spool.close()


def intake(mail: str, key: bytes) -> Intake:
    return make_intake(delivery(mail=mail), seen=(key,))


async def test_what_is_paid_for_is_kept_and_delivery_hears_of_it(counter: Counter) -> None:
    taken = await counter.clerk.take(intake("m1", b"1"), [WANTED], answers=False)
    assert taken.accepted is not None
    assert (taken.accepted.id, taken.accepted.repeated, taken.reached, taken.fault) == ("m1", False, None, "")
    assert counter.woken == [Channel.SMS]
    assert (await counter.clerk.left(WANTED))["sender"][0] == 1


async def test_nothing_is_kept_that_cannot_be_paid_for(counter: Counter) -> None:
    both: list[Payable] = [Asking(sender="x@example.org", answers=1), replace(WANTED, recipients=("1", "2", "3"))]
    await counter.clerk.take(intake("m1", b"1"), [WANTED], answers=False)
    taken = await counter.clerk.take(intake("m2", b"2"), both, answers=False)
    assert (taken.reached, taken.accepted) == ((1, "sender"), None)
    assert await counter.spool.open_count() == 1
    assert (await counter.clerk.left(WANTED))["sender"][0] == 1


async def test_a_mail_that_comes_again_costs_nothing(counter: Counter) -> None:
    for mail in ("m1", "m2", "m3", "m4"):
        taken = await counter.clerk.take(intake(mail, b"the same"), [WANTED], answers=False)
        assert taken.accepted is not None
        assert taken.accepted.id == "m1"
    assert counter.woken == [Channel.SMS]
    assert (await counter.clerk.left(WANTED))["sender"][0] == 1


async def test_a_store_that_is_away_takes_no_payment(counter: Counter) -> None:
    await counter.spool.close()
    taken = await counter.clerk.take(intake("m1", b"1"), [WANTED], answers=False)
    assert taken.fault
    assert taken.accepted is None
    assert (await counter.clerk.left(WANTED))["sender"][0] == 2


async def test_where_limits_cannot_be_asked_nothing_is_taken(counter: Counter) -> None:
    limits = Limits(SharedPool(server("postgresql://nobody@127.0.0.1:9/nothing")))
    taken = await Counter(counter.spool, limits).clerk.take(intake("m1", b"1"), [WANTED], answers=False)
    assert taken.fault
    assert await counter.spool.open_count() == 0
