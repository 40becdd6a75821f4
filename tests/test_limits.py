"""Token buckets: what they let through, what they keep, and that one sender's bucket is nobody else's."""

from collections.abc import AsyncIterator
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import LimitsSettings, Rate
from bridge.limits import (
    _MOST_BUCKETS,
    FORWARDS,
    FORWARDS_PER_CLIENT,
    QUESTIONS,
    Asking,
    Forwarding,
    Limits,
    Wanted,
)
from bridge.spool.postgres.link import target
from bridge.spool.postgres.pool import SharedPool
from tests.databases import Database
from tests.make import NOW

OFF = Rate()
NAMES = ("sender", "recipient", "route", "total")


def only(name: str, rate: Rate) -> LimitsSettings:
    return LimitsSettings(**{**dict.fromkeys(NAMES, OFF), name: rate})


def take(limits: Limits, settings: LimitsSettings, now: float = NOW, *, urgent: bool = False, **who: str) -> str | None:
    asked = {"sender": "a@example.org", "recipient": "4366", "route": "r", **who}
    wanted = Wanted(sender=asked["sender"], recipients=(asked["recipient"],), route=asked["route"], urgent=urgent)
    return limits.take(settings, wanted, now)


@pytest.mark.parametrize("name", NAMES)
def test_a_full_bucket_then_its_rate(name: str) -> None:
    limits, settings = Limits(), only(name, Rate(count=3, seconds=60))
    assert [take(limits, settings) for _ in range(4)] == [None, None, None, name]
    assert take(limits, settings, NOW + 19.9) == name
    assert take(limits, settings, NOW + 20.1) is None
    assert take(limits, settings, NOW + 20.2) == name
    assert [take(limits, settings, NOW + 10_000) for _ in range(4)] == [None, None, None, name]


def test_zero_is_off() -> None:
    limits = Limits()
    settings = LimitsSettings(**dict.fromkeys(NAMES, OFF))
    assert {take(limits, settings) for _ in range(1000)} == {None}


@pytest.mark.parametrize("name", ["sender", "recipient", "route"])
def test_one_bucket_is_nobody_elses(name: str) -> None:
    limits, settings = Limits(), only(name, Rate(count=1, seconds=60))
    assert take(limits, settings) is None
    assert take(limits, settings) == name
    assert take(limits, settings, NOW, urgent=False, **{name: "another"}) is None


def test_a_mailing_cannot_eat_an_alarms_room() -> None:
    limits, settings = Limits(), only("total", Rate(count=2, seconds=60))
    assert [take(limits, settings) for _ in range(3)] == [None, None, "total"]
    assert [take(limits, settings, urgent=True) for _ in range(3)] == [None, None, "total"]


def test_from_every_bucket_or_from_none() -> None:
    limits = Limits()
    settings = LimitsSettings(
        sender=Rate(count=9, seconds=60), recipient=Rate(count=1, seconds=60), route=OFF, total=OFF
    )
    assert take(limits, settings, recipient="1") is None
    for _ in range(100):
        assert take(limits, settings, recipient="1") == "recipient"
    for number in range(2, 10):
        assert take(limits, settings, recipient=str(number)) is None
    assert take(limits, settings, recipient="10") == "sender"


def test_a_changed_setting_counts_at_once() -> None:
    limits = Limits()
    for _ in range(5):
        take(limits, only("total", Rate(count=5, seconds=60)))
    assert take(limits, only("total", Rate(count=1, seconds=60)), NOW + 60) is None
    assert take(limits, only("total", Rate(count=1, seconds=60)), NOW + 60) == "total"
    assert take(limits, only("total", OFF), NOW + 60) is None


def test_memory_is_bounded() -> None:
    limits, settings = Limits(), only("sender", Rate(count=1, seconds=3600))
    for number in range(_MOST_BUCKETS + 10):
        take(limits, settings, NOW + number / 1000, sender=f"{number}@example.org")
    assert len(limits._buckets) <= _MOST_BUCKETS
    assert take(limits, settings, NOW + 21, sender=f"{_MOST_BUCKETS}@example.org") == "sender"  # the latest stay


@given(st.lists(st.floats(-100, 100), max_size=60), st.integers(1, 5), st.integers(1, 60))
def test_whatever_the_clock_does_no_more_than_the_rate_goes(steps: list[float], count: int, seconds: int) -> None:
    limits, settings = Limits(), only("total", Rate(count=count, seconds=seconds))
    now, forward, passed = NOW, 0.0, 0
    for step in steps:
        now += step
        forward += max(0.0, step)
        passed += take(limits, settings, now) is None
    assert passed <= count + forward * count / seconds + 1e-6


def test_a_phone_the_provider_refuses_is_refused_until_then() -> None:
    limits = Limits()
    limits.refuse("4366", NOW + 10)
    assert limits.refuses(("4366",), NOW)
    assert not limits.refuses(("4366", "4367"), NOW), "a group that reaches somebody is sent"
    assert not limits.refuses(("4366",), NOW + 10)


def forwarded(limits: Limits, client: str, now: float = NOW) -> str | None:
    return limits.take(LimitsSettings(), Forwarding.of(ip_address(client)), now)


def test_row_60_mails_to_the_operator_have_buckets_of_their_own() -> None:
    limits = Limits()
    answers = [forwarded(limits, "198.51.100.7") for _ in range(FORWARDS_PER_CLIENT.count + 1)]
    assert answers == [None] * FORWARDS_PER_CLIENT.count + ["mails to the operator from one address"]
    assert forwarded(limits, "198.51.100.8") is None
    assert take(limits, LimitsSettings()) is None, "and SMS are not hindered"
    assert forwarded(limits, "198.51.100.7", NOW + 120) is None


def test_row_60_everybody_together_reaches_the_operator_only_so_often() -> None:
    limits = Limits()
    answers = [forwarded(limits, f"198.51.100.{number % 250}") for number in range(FORWARDS.count + 1)]
    assert answers == [None] * FORWARDS.count + ["mails to the operator"]


def test_row_60_who_has_an_ipv6_address_has_many() -> None:
    limits = Limits()
    answers = {forwarded(limits, f"2001:db8:7::{number:x}") for number in range(FORWARDS_PER_CLIENT.count)}
    assert answers == {None}
    assert forwarded(limits, "2001:db8:7:0:ffff::1") is not None
    assert forwarded(limits, "2001:db8:7:1::1") is None
    assert Forwarding.of(None) == Forwarding(client="")


def test_whoever_asks_has_a_limit_and_pays_nothing_for_sms() -> None:
    limits, settings = Limits(), only("sender", Rate(count=1, seconds=60))
    asking = Asking(sender="a@example.org", answers=QUESTIONS.count // 2)
    assert [limits.take(settings, asking, NOW) for _ in range(3)] == [None, None, "answers to one sender"]
    limits.give_back(settings, [asking], NOW)
    assert limits.reached(settings, asking, NOW) is None
    assert take(limits, settings) is None


def test_what_is_left_of_each_limit() -> None:
    limits, settings = Limits(), LimitsSettings(sender=Rate(count=3, seconds=60), recipient=Rate(count=9, seconds=60))
    assert take(limits, settings) is None
    left = limits.left(settings, Wanted(sender="a@example.org", recipients=("4367", "4366"), route="r"), NOW)
    assert left["sender"] == (2, settings.sender)
    assert left["recipient"] == (8, settings.recipient)
    assert take(limits, settings) is None  # asking took nothing


@pytest.fixture
async def nodes(emptied: Database) -> AsyncIterator[list[Limits]]:
    """The limits of two nodes on one server."""
    pools = [SharedPool(target(emptied.url, emptied.server.password)) for _ in range(2)]
    yield [Limits(pool) for pool in pools]
    for pool in pools:
        await pool.close()


def wanted(*phones: str, sender: str = "a@example.org", urgent: bool = False) -> Wanted:
    return Wanted(sender=sender, recipients=phones or ("4366",), route="r", urgent=urgent)


DAILY = Rate(count=3, seconds=86400)


async def test_nodes_pay_from_the_same_buckets(nodes: list[Limits]) -> None:
    one, other = nodes
    settings = only("sender", DAILY)
    asked = wanted()
    assert [await node.pay(settings, [asked], NOW) for node in (one, other, one)] == [None] * 3
    assert await other.pay(settings, [asked], NOW) == (0, "sender")
    assert await other.pay(settings, [wanted(sender="b@example.org")], NOW) is None
    assert await other.pay(settings, [wanted(urgent=True)], NOW) is None


async def test_all_of_a_mail_is_paid_for_or_nothing_on_any_node(nodes: list[Limits]) -> None:
    one, other = nodes
    settings = only("sender", DAILY)
    group = wanted("1", "2")
    assert await one.pay(settings, [group, group], NOW) == (0, "sender")
    assert await one.pay(settings, [], NOW + 1) is None
    assert await one.pay(only("sender", OFF), [group], NOW + 1) is None
    later = NOW + 2  # what was taken for nothing is back, and what was said of it is not believed any more
    assert await other.pay(settings, [group], later) is None
    assert await other.pay(settings, [group], later) == (0, "sender")
    assert await other.pay(settings, [wanted("1")], later) is None
    larger = wanted(*map(str, range(9)), sender="b@example.org")  # costs all there is
    assert await one.pay(settings, [larger], later) is None
    assert await other.pay(settings, [wanted("1", sender="b@example.org")], later) == (0, "sender")


async def test_what_a_node_knows_of_the_buckets_it_says_without_asking(nodes: list[Limits]) -> None:
    one, other = nodes
    settings = only("sender", DAILY)
    assert await one.pay(settings, [wanted("1", "2")], NOW) is None
    assert one.left(settings, wanted(), NOW) == {"sender": (1, DAILY)}
    assert one.reached(settings, wanted("1", "2"), NOW) == "sender"
    assert one.reached(settings, wanted("1"), NOW) is None
    assert other.reached(settings, wanted("1", "2"), NOW) is None  # it has not asked yet
    assert await other.pay(settings, [wanted("1", "2")], NOW) == (0, "sender")
    assert other.reached(settings, wanted("1", "2"), NOW) == "sender"
    assert other.reached(settings, wanted("1", "2"), NOW + 60) is None  # others may have given back


async def test_what_is_given_back_is_there_for_every_node(nodes: list[Limits]) -> None:
    one, other = nodes
    settings = only("sender", DAILY)
    asked = wanted("1", "2", "3")
    assert await one.pay(settings, [asked], NOW) is None
    one.give_back(settings, [asked], NOW)
    assert await one.pay(only("route", DAILY), [wanted()], NOW) is None  # it went with this one at the latest

    assert await other.pay(settings, [asked], NOW) is None
