"""Ready means that mail and SMS can be taken and go on; what is merely out of order is shown beside it."""

import asyncio
from typing import Any

import apsw
import pytest

from bridge.daemon import readiness
from bridge.delivery.pauses import Pause
from bridge.message import Channel, StoreUnavailable, Verdict
from bridge.spool.sqlite import SqliteSpool
from tests.daemon.conftest import House

ROLES = ["smtpd", "webhook", "delivery"]


async def asked(house: House, **changes: Any) -> dict[str, Any]:
    daemon = house.daemon
    values = {
        "running": True,
        "roles": ROLES,
        "ports": daemon.ports,
        "agents": daemon._agents,
        "closed": False,
        "test": False,
    }
    return await readiness.readiness(daemon._spool, daemon._probe, **{**values, **changes})


async def test_all_is_well(house: House) -> None:
    await house.start()
    status, shown = await house.readyz()
    assert (status, shown["ready"], shown["reasons"], shown["degraded"]) == (200, True, [], [])


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"running": False}, ["the bridge is starting or stopping"]),
        ({"ports": {"smtpd": [], "webhook": [1]}}, ["the door smtpd is not open"]),
        ({"ports": {"smtpd": [1]}}, ["the door webhook is not open"]),
        ({"agents": {}}, ["delivery of sms does not run", "delivery of mail does not run"]),
        ({"roles": ["webhook"], "ports": {"webhook": [1]}, "agents": {}}, []),
        ({"roles": ["delivery"], "ports": {}}, []),
    ],
)
async def test_why_not(house: House, changes: dict[str, Any], reasons: list[str]) -> None:
    await house.start()
    shown = await asked(house, **changes)
    assert (shown["ready"], shown["reasons"]) == (not reasons, reasons)


async def test_delivery_that_stands_still_is_a_reason(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.start()
    agent = house.daemon._agents[Channel.SMS]
    async with agent._turn:  # it cannot go round
        agent.wake()
        agent.turned_at = asyncio.get_running_loop().time() - readiness.STILL - 5
        await asyncio.sleep(0)
        monkeypatch.setattr(readiness, "STILL", -1.0)
        status, shown = await house.readyz()
    assert status == 503
    assert any(reason.startswith("delivery of sms has not turned") for reason in shown["reasons"])


async def test_a_full_disk_is_shown_and_no_reason(house: House) -> None:
    await house.start()
    shown = await asked(house, closed=True)
    assert shown["ready"]
    assert "room on the disk" in shown["degraded"][0]


async def test_nobody_s_number_or_address_is_shown_to_whoever_asks(house: House) -> None:
    """A route is named by its address or number, and the provider's words may hold whatever it likes."""
    await house.start()
    pauses = house.daemon._agents[Channel.SMS].pauses
    until = 4e9
    for route in ("anna@sms.example.com", "anton@sms.example.com", "436600000001"):
        words = "no SMS to +43 660 0000001 for bernd@example.org"
        pauses.adopt(route, Pause(Verdict.OURS, until, 60.0, 60.0, "4004", words, None))
    _, shown = await house.readyz()
    said = str(shown)
    assert not [word for word in ("anna", "anton", "bernd", "0000001", "436600") if word in said]
    assert len(shown["degraded"]) == len(shown["paused"]) == 3
    assert shown["degraded"][0].startswith("paused: sms a***@sms.example.com: 4004 no SMS to ")


def commits(house: House) -> int:
    """How often the spool was made to commit to see whether it can."""
    with apsw.Connection(str(house.spool), flags=apsw.SQLITE_OPEN_READONLY) as db:
        ((made,),) = db.execute("SELECT probes FROM generation").fetchall()
    db.close()
    return int(str(made))


async def test_many_who_ask_make_the_spool_commit_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reaches the listener may ask as often as he likes, and each commit is a sync of the disk."""
    monkeypatch.setattr(readiness, "AGAIN", 1e9)
    await house.start()
    assert commits(house) == 0
    for status, shown in await asyncio.gather(*(house.readyz() for _ in range(20))):
        assert (status, shown["ready"]) == (200, True)
    assert commits(house) == 1
    monkeypatch.setattr(readiness, "AGAIN", 0.0)
    assert (await house.readyz())[0] == 200
    assert commits(house) == 2


async def test_a_spool_that_cannot_commit_is_a_reason(house: House) -> None:
    daemon = await house.start()
    spool = daemon._spool
    assert isinstance(spool, SqliteSpool)
    spool.writer.broken = "IOError: disk I/O error"
    with pytest.raises(StoreUnavailable):
        await asked(house)
    status, shown = await house.readyz()
    assert status == 503
    assert shown["reasons"] == [shown["reason"]]
