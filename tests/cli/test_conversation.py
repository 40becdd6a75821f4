"""`conversation`: a phone's screen, both ways, oldest first."""

import asyncio
from pathlib import Path

import pytest

from bridge.message import Channel, Sms, State, encode_sms
from bridge.spool.sqlite import open_spool
from tests.cli.conftest import Here
from tests.make import NOW, PHONE, delivery, intake


@pytest.fixture
def talked(made: Path) -> Path:
    async def talking() -> None:
        spool = await open_spool(made)
        out = delivery(1, "M1", payload=encode_sms(Sms(text="Bist du da?", originator="436600000099")))
        gone = delivery(1, "M3", payload=b"", state=State.SENT, created_at=NOW + 20, changed_at=NOW + 20)
        answer = delivery(
            1,
            "M2",
            channel=Channel.MAIL,
            recipient="anna@example.org",
            payload=b"Subject: x\r\n\r\nJa,\x1b[2J gleich\r\n",
            created_at=NOW + 10,
            sender="",
            author=None,
        )
        await spool.accept(intake(out))
        await spool.accept(intake(answer, at=NOW + 10, kind="sms", sender=PHONE, author=None, line="436600000099"))
        await spool.accept(intake(gone, at=NOW + 20))
        await spool.close()

    asyncio.run(talking())
    return made


def test_as_json(here: Here, config: Path, talked: Path) -> None:
    assert talked.exists()
    ran = here("conversation", "0660 0000001", "--before", "2030-01-01", "--json", "--config", config)
    assert ran.code == 0
    assert [(one["direction"], one["id"], one["state"], one["at"]) for one in ran.json] == [
        ("out", "M1-1", "queued", "2027-01-15T08:00:00Z"),
        ("in", "M2-1", "queued", "2027-01-15T08:00:10Z"),
        ("out", "M3-1", "sent", "2027-01-15T08:00:20Z"),
    ]
    assert [one["text"] for one in ran.json] == ["Bist du da?", ran.json[1]["text"], None]
    assert "gleich" in ran.json[1]["text"]
    assert {one["phone"] for one in ran.json} == {PHONE}
    assert [one["mailbox"] for one in ran.json] == ["anna@example.org"] * 3
    assert [one["line"] for one in ran.json][:2] == ["436600000099"] * 2


def test_for_people(here: Here, config: Path, talked: Path) -> None:
    assert talked.exists()
    ran = here("conversation", PHONE, "--before", "2030-01-01", "--config", config)
    assert ran.code == 0
    assert ran.out.startswith(f"+{PHONE}\n2027-01-15T08:00:00Z  → anna@example.org over 436600000099  queued  M1-1\n")
    assert "    Bist du da?\n" in ran.out
    assert "  ← anna@example.org over 436600000099" in ran.out
    assert "    (erased)\n" in ran.out
    assert "\x1b" not in ran.out


def test_only_some(here: Here, config: Path, talked: Path) -> None:
    assert talked.exists()
    several = here("conversation", PHONE, "--before", "2030-01-01", "--limit", "2", "--json", "--config", config)
    assert [one["id"] for one in several.json] == ["M2-1", "M3-1"]
    older = here("conversation", PHONE, "--before", "2027-01-15T08:00:05Z", "--json", "--config", config)
    assert [one["id"] for one in older.json] == ["M1-1"]


def test_nothing_is_1(here: Here, config: Path, talked: Path) -> None:
    assert talked.exists()
    ran = here("conversation", "06600000007", "--config", config)
    assert (ran.code, ran.out) == (1, "")
    assert "+436600000007" in ran.err
    ran = here("conversation", "06600000007", "--json", "--config", config)
    assert (ran.code, ran.json) == (1, [])


def test_no_number_is_64(here: Here, config: Path, talked: Path) -> None:
    assert talked.exists()
    ran = here("conversation", "nonsense", "--config", config)
    assert (ran.code, ran.out) == (64, "")
    assert "nonsense" in ran.err
