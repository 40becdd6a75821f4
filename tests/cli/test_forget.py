"""`smsbridge forget` as a user runs it."""

import asyncio
import time
from pathlib import Path

import pytest

from bridge.message import Sms, State, encode_sms
from bridge.spool import Intake
from bridge.spool.sqlite import open_spool
from tests.cli.conftest import Here, smsbridge
from tests.make import delivery, intake

PHONE = "436600000001"


def put(path: Path, *intakes: Intake) -> None:
    async def putting() -> None:
        spool = await open_spool(path)
        for each in intakes:
            await spool.accept(each)
        await spool.close()

    asyncio.run(putting())


@pytest.mark.parametrize("spelt", ["+43 660 000 0001", "0660/0000001", "436600000001", "0043660-0000001"])
def test_every_spelling_is_one_number(here: Here, config: Path, made: Path, spelt: str) -> None:
    put(made, intake(delivery(recipient=PHONE, state=State.DELIVERED, payload=encode_sms(Sms(text="secret")))))
    ran = here("forget", spelt, "--config", config)
    assert (ran.code, ran.out) == (0, f"{PHONE}: 1 sms erased\n")
    assert ran.err == "row 1 of the routing table still names it\n"
    assert b"secret" not in made.read_bytes()
    assert here("forget", spelt, "--config", config).out == f"{PHONE}: nothing was known of it\n"


def test_what_waits_needs_a_yes(here: Here, config: Path, made: Path) -> None:
    put(made, intake(delivery(1, recipient=PHONE), delivery(2, recipient=PHONE, state=State.HELD)))
    ran = here("forget", PHONE, "--config", config)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[:2] == ["M1-1: queued", "M1-2: held"]
    assert "--yes" in ran.err
    shown = here("forget", PHONE, "--config", config, "--json")
    assert shown.code == 1
    assert shown.json["under_way"] == [{"id": "M1-1", "state": "queued"}, {"id": "M1-2", "state": "held"}]
    done = here("forget", PHONE, "--yes", "--config", config, "--json")
    assert done.code == 0
    assert done.json == {"number": PHONE, "done": True, "erased": {"sms": 2}, "under_way": [], "thorough": True}


def test_not_during_a_call(here: Here, config: Path, made: Path) -> None:
    put(made, intake(delivery(recipient=PHONE, state=State.SENDING)))
    ran = here("forget", PHONE, "--yes", "--config", config)
    assert ran.code == 75
    assert "try again in a minute" in ran.err


def test_a_report_that_may_come_is_waited_for(here: Here, config: Path, made: Path) -> None:
    waiting = delivery(recipient=PHONE, state=State.SENT, expires_at=time.time() + 3600)
    put(made, intake(waiting))
    assert here("forget", PHONE, "--config", config).code == 1


def test_what_is_no_number(config: Path, made: Path) -> None:
    ran = smsbridge("forget", "anna@example.org", "--config", config)
    assert ran.code == 64
    assert made.exists()


def test_beside_a_daemon(here: Here, config: Path, made: Path) -> None:
    async def beside() -> None:
        daemons = await open_spool(made)
        await daemons.accept(intake(delivery(recipient=PHONE, state=State.DELIVERED)))
        ran = await asyncio.to_thread(smsbridge, "forget", PHONE, "--config", config)
        assert (ran.code, ran.out) == (0, f"{PHONE}: 1 sms erased\n")
        await daemons.accept(intake(delivery(mail="M2"), id="M2"))
        assert await daemons.show("M1") == []
        await daemons.close()

    asyncio.run(beside())
