"""`search`: what a word means, what the options mean, and that all pages are read."""

import asyncio
from pathlib import Path

import pytest

from bridge.cli.search import Wanted, pages, sought
from bridge.message import Channel, Sms, State, encode_sms
from bridge.spool.sqlite import open_spool
from bridge.spool.window import Search
from tests.cli.conftest import Here, Ran
from tests.make import NOW, delivery, intake

FIELDS = [
    *("id", "mail", "channel", "state", "recipient", "author", "route", "at", "changed_at", "attempts", "next_at"),
    *("code", "reason", "transfer_id"),
]


@pytest.fixture
def filled(made: Path) -> Path:
    """Two SMS and a mail, an hour between them."""

    async def filling() -> None:
        spool = await open_spool(made)
        hour = 3600.0
        first = delivery(1, "MAILONE0", payload=encode_sms(Sms(text="Die Pumpe steht")), created_at=NOW)
        second = delivery(1, "MAILTWO0", recipient="436600000002", created_at=NOW + hour, state=State.FAILED)
        third = delivery(
            1,
            "SMSTHREE",
            channel=Channel.MAIL,
            recipient="anna@example.com",
            created_at=NOW + 2 * hour,
            payload=b"Subject: x\r\n\r\nBin da\r\n",
            sender="",
            author=None,
        )
        await spool.accept(intake(first, at=NOW, message_id="<1@example.org>"))
        await spool.accept(intake(second, at=NOW + hour))
        await spool.accept(intake(third, at=NOW + 2 * hour, kind="sms", sender="436600000001", author=None))
        await spool.close()

    asyncio.run(filling())
    return made


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], ["SMSTHREE-1", "MAILTWO0-1", "MAILONE0-1"]),
        (["0660 0000001"], ["SMSTHREE-1", "MAILONE0-1"]),
        (["--number", "+43 660 0000002"], ["MAILTWO0-1"]),
        (["Anna@Example.COM"], ["SMSTHREE-1"]),
        (["--address", "anna@example.org"], ["MAILTWO0-1", "MAILONE0-1"]),
        (["pumpe"], ["MAILONE0-1"]),
        (["--text", "bin DA"], ["SMSTHREE-1"]),
        (["MAILTWO0"], ["MAILTWO0-1"]),
        (["<1@example.org>"], ["MAILONE0-1"]),
        (["--state", "failed"], ["MAILTWO0-1"]),
        (["--since", "2027-01-15T08:30:00Z"], ["SMSTHREE-1", "MAILTWO0-1"]),
        (["--until", "2027-01-15T08:30:00Z"], ["MAILONE0-1"]),
        (["--limit", "1"], ["SMSTHREE-1"]),
    ],
)
def test_what_is_found(here: Here, config: Path, filled: Path, arguments: list[str], found: list[str]) -> None:
    assert filled.exists()
    ran = here("search", *arguments, "--json", "--config", config)
    assert (ran.code, [one["id"] for one in ran.json]) == (0, found)
    assert all(list(one) == FIELDS for one in ran.json)


def test_for_people(here: Here, config: Path, filled: Path) -> None:
    assert filled.exists()
    ran = here("search", "pumpe", "--config", config)
    assert ran.code == 0
    assert ran.out == "MAILONE0-1  queued  sms  436600000001  2027-01-15T08:00:00Z\n"
    assert ran.err == "1 delivery\n"
    assert "--limit 4" in here("search", "--limit", "2", "--config", config).err


def test_nothing_is_1(here: Here, config: Path, filled: Path) -> None:
    assert filled.exists()
    ran = here("search", "nowhere to be found", "--config", config)
    assert (ran.code, ran.out, ran.err) == (1, "", "nothing was found\n")
    assert here("search", "nowhere", "--config", config, "--json") == Ran(1, "[]\n", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x", "--text", "y"], "either WORDS or"),
        (["--number", "nonsense"], "--number nonsense"),
        (["--address", "nonsense"], "for example anna@example.com"),
        (["--number", "1", "--address", "a@example.com"], "only one of"),
        (["--since", "yesterday"], "write 2026-03-01"),
        (["--since", "99999d99"], "write 2026-03-01"),
        (["--since", "999999d"], "write 2026-03-01"),
    ],
)
def test_bad_usage_says_what_to_write(here: Here, config: Path, filled: Path, arguments: list[str], says: str) -> None:
    assert filled.exists()
    ran = here("search", *arguments, "--config", config)
    assert (ran.code, ran.out) == (64, "")
    assert says in ran.err


def test_a_short_code_is_a_number() -> None:
    assert sought(Wanted(number="1234"), "AT") == Search(number="1234")


def test_all_pages_are_read(made: Path) -> None:
    async def work() -> tuple[int, int]:
        spool = await open_spool(made)
        await spool.accept(intake(*(delivery(number) for number in range(1, 1201))))
        found = await pages(spool, Search(), 10_000)
        some = await pages(spool, Search(), 700)
        await spool.close()
        return len({one.id for one in found}), len(some)

    assert asyncio.run(work()) == (1200, 700)
