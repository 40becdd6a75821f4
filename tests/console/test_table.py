"""The routing table, and the box that says what would happen and does nothing."""

import pytest

from bridge.console import table
from bridge.routing import Allow
from tests.console.conftest import ADDRESS, AUTHOR, Desk


async def test_every_row_with_who_may_send(desk: Desk) -> None:
    _, page = await (await desk.logged_in()).get("/routes")
    assert "The table (2 rows)" in page
    for shown in (ADDRESS, "+43\xa0660\xa00000001", "the number in the address (AT)", "*@example.org", "urgent"):
        assert shown in page


async def test_pages_of_rows(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_ROWS", 1)
    person = await desk.logged_in()
    _, page = await person.get("/routes")
    assert 'href="/routes?from=1"' in page
    _, page = await person.get("/routes?from=1")
    assert (f"<div>{ADDRESS}" in page, 'rel="next"' in page) == (False, False)


async def test_what_would_happen_and_nothing_does(desk: Desk) -> None:
    person = await desk.logged_in()
    fields = {"sender": AUTHOR, "recipient": ADDRESS, "subject": "Palette 7", "text": "Tor „Süd“ öffnen\n-- \nAnna"}
    _, page = await person.submit("/routes", fields)
    assert "It would be taken." in page
    assert "Palette 7\nTor &#34;Süd&#34; öffnen</div>" in page
    assert "1 SMS in GSM" in page
    assert await desk.spool.open_count() == 0
    assert desk.simulator.messages == []


@pytest.mark.parametrize(
    ("sender", "recipient", "answer"),
    [
        ("stranger@example.net", ADDRESS, "550 5.7.1"),
        (AUTHOR, "nobody@example.com", "550 5.7.1"),
        (AUTHOR, "x@sms.example.com", "550 5.1.3"),
        ("<>", ADDRESS, "550"),
        ("ä@ö", "ß", "550"),
        ("a\x00b", "c\r\nd", "5"),
    ],
)
async def test_what_would_be_refused(desk: Desk, sender: str, recipient: str, answer: str) -> None:
    status, page = await (await desk.logged_in()).submit("/routes", {"sender": sender, "recipient": recipient})
    assert status == 200
    assert f"<code>{answer}" in page


async def test_without_an_address_nothing_is_asked(desk: Desk) -> None:
    _, page = await (await desk.logged_in()).submit("/routes", {"sender": AUTHOR})
    assert "Write whom it is from" in page


def test_entries_are_written_as_in_the_table() -> None:
    allow = Allow(addresses=frozenset({"a@b"}), domains=frozenset({"c"}), users=frozenset({"d"}))
    assert table.allowed(allow) == ["a@b", "*@c", "user:d"]
