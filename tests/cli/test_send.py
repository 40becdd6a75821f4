"""`send`: what is queued, what is wrong usage, and that nothing is queued then."""

import asyncio
from pathlib import Path

import pytest

from bridge.message import Channel, Delivery, State, decode_sms
from bridge.spool.sqlite import open_spool
from tests.cli.conftest import Here


def queued(made: Path) -> list[Delivery]:
    async def listing() -> list[Delivery]:
        spool = await open_spool(made)
        found = await spool.listing(None, 9)
        await spool.close()
        return found

    return asyncio.run(listing())


def test_an_sms_is_queued_for_whoever_runs_the_bridge(here: Here, config: Path, made: Path) -> None:
    ran = here("send", "0660 0000001", "Grüße", "--config", config, "--json")
    assert ran.code == 0
    (found,) = queued(made)
    assert ran.json == {"id": found.id, "recipient": "436600000001", "text": "Grüße", "parts": 1}
    assert (found.channel, found.recipient, found.state) == (Channel.SMS, "436600000001", State.QUEUED)
    assert (found.author, found.warn_at, found.route) == (None, None, "command")  # nobody but the operator is told
    assert decode_sms(found.payload).text == "Grüße"
    assert found.expires_at == found.created_at + 86400


def test_people_read_a_sentence(here: Here, config: Path, made: Path) -> None:
    ran = here("send", "06600000001", "hello", "--config", config)
    (found,) = queued(made)
    assert ran.out == f"queued as {found.id}: 1 SMS to +436600000001\n"


@pytest.mark.parametrize("arguments", [["nonsense", "x"], ["123", "x"], ["06600000001", "  "], ["06600000001", "\x01"]])
def test_what_cannot_be_sent_is_wrong_usage(here: Here, config: Path, made: Path, arguments: list[str]) -> None:
    assert here("send", *arguments, "--config", config).code == 64
    assert queued(made) == []


def test_a_long_text_is_cut_where_it_is_told(here: Here, config: Path, made: Path) -> None:
    ran = here("send", "06600000001", "wort " * 100, "--max-parts", "2", "--config", config)
    assert ran.code == 0
    assert "2 SMS" in ran.out
    assert "(cut)" in ran.out
    (found,) = queued(made)
    assert decode_sms(found.payload).text.endswith("...")


def test_without_a_spool_nothing_is_queued_and_none_is_made(here: Here, config: Path) -> None:
    ran = here("send", "06600000001", "x", "--config", config)
    assert (ran.code, ran.out) == (75, "")
    assert "smsbridge serve" in ran.err
    assert not config.with_name("smsbridge.db").exists()
