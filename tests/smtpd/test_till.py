"""What recipients cost, who pays, and what is said when a limit is reached."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from bridge.access import Proof
from bridge.config import Configuration, LimitsSettings, Rate, SmtpdSettings
from bridge.limits import FORWARDS_PER_CLIENT, Limits, Payable
from bridge.smtpd.bell import Bell
from bridge.smtpd.contract import Peer, Reply
from bridge.smtpd.intake import Forward, Target
from bridge.smtpd.till import Till
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.given import ANNA, DOMAIN, GROUP, NO_LIMITS, configuration
from tests.make import NOW

STRANGER = Peer(host="198.51.100.7", port=1, mode="starttls")
OURS = Peer(host="127.0.0.1", port=1, mode="starttls")
FORWARD = Forward(address=f"postmaster@{DOMAIN}")


def target(sender: str | None = "bernd@example.org", numbers: tuple[str, ...] = ANNA.numbers) -> Target:
    proof = Proof(peer=ip_address("127.0.0.1"), sender=sender)
    return Target(address=ANNA.address or "", route=ANNA, numbers=numbers, proof=proof)


class House:
    def __init__(self, spool: SqliteSpool) -> None:
        self.spool = spool
        self.configuration: Configuration = configuration()
        self.limits = Limits()
        self.till = Till(
            limits=self.limits,
            configuration=lambda: self.configuration,
            clock=lambda: NOW,
            ring=Bell(spool=spool, clock=lambda: NOW).ring,
        )

    async def pay(self, peer: Peer, items: Sequence[Target | Forward]) -> list[Payable] | Reply:
        """As the desk and the door do it together."""
        owed = self.till.owed(peer, items)
        reached = await self.limits.pay(self.configuration.settings.limits, owed, NOW)
        return owed if reached is None else self.till.too_many(owed[reached[0]], reached[1])

    def limit(self, **rates: Rate) -> None:
        self.configuration = configuration(limits=replace(NO_LIMITS, **rates))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    spool = await open_spool(tmp_path / "s.db")
    yield House(spool)
    await spool.close()


def code(reply: object) -> str:
    return f"{reply.code} {reply.status}" if isinstance(reply, Reply) else ""


async def test_asking_costs_nothing_and_taking_does(house: House) -> None:
    house.limit(sender=Rate(count=1, seconds=60))
    for _ in range(5):
        assert house.till.refusal(OURS, target()) is None
    paid = await house.pay(OURS, [target()])
    assert isinstance(paid, list)
    assert len(paid) == 1
    assert code(house.till.refusal(OURS, target())) == code(await house.pay(OURS, [target()])) == "450 4.7.1"


async def test_all_recipients_are_paid_for_or_none(house: House) -> None:
    house.limit(sender=Rate(count=3, seconds=60))
    group = replace(target(numbers=GROUP.numbers), route=GROUP)
    assert code(await house.pay(OURS, [target(), group])) == "450 4.7.1"
    paid = await house.pay(OURS, [group])
    assert isinstance(paid, list)
    assert code(await house.pay(OURS, [target()])) == "450 4.7.1"
    house.limits.give_back(house.configuration.settings.limits, paid, NOW)
    assert isinstance(await house.pay(OURS, [target()]), list)


async def test_who_is_not_proven_shares_with_all_behind_that_address(house: House) -> None:
    house.limit(sender=Rate(count=1, seconds=60))
    assert isinstance(await house.pay(OURS, [target(None)]), list)
    assert code(await house.pay(OURS, [target(None)])) == "450 4.7.1"
    assert isinstance(await house.pay(OURS, [target("bernd@example.org")]), list)
    assert isinstance(await house.pay(STRANGER, [target(None)]), list)


async def test_a_phone_the_provider_refuses_is_refused_for_good(house: House) -> None:
    house.limits.refuse(ANNA.numbers[0], NOW + 60)
    assert code(house.till.refusal(OURS, target())) == "550 5.7.1"


async def test_row_60_only_strangers_pay_for_mails_to_the_operator(house: House) -> None:
    house.configuration = configuration(limits=LimitsSettings())
    known = replace_user(STRANGER, "anna")
    for _ in range(FORWARDS_PER_CLIENT.count * 2):
        assert await house.pay(OURS, [FORWARD]) == await house.pay(known, [FORWARD]) == []
    for _ in range(FORWARDS_PER_CLIENT.count):
        assert house.till.refusal(STRANGER, FORWARD) is None
        assert isinstance(await house.pay(STRANGER, [FORWARD]), list)
    reply = house.till.refusal(STRANGER, FORWARD)
    assert code(reply) == "450 4.7.1"
    assert isinstance(reply, Reply)
    assert "too many mails" in reply.text
    house.configuration = configuration(smtpd=SmtpdSettings())
    assert isinstance(await house.pay(OURS, [FORWARD]), list)


def replace_user(peer: Peer, name: str) -> Peer:
    return Peer(host=peer.host, port=peer.port, mode=peer.mode, user=name)
