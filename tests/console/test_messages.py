"""Finding messages through the page, and what the page of one says."""

import re
from datetime import datetime, timedelta

import pytest

from bridge.console import messages
from bridge.message import Sms, State, encode_sms
from tests.console.conftest import ADDRESS, AUTHOR, LINE, Desk, Person
from tests.console.scene import delivery, furnish, put
from tests.wait import until_async


async def found(person: Person, query: str) -> list[str]:
    status, page = await person.get(f"/messages?{query}")
    assert status == 200
    return re.findall(r'<a href="/messages/([^"]+)-1"><code>', page)


async def test_by_number_address_id_words_state_and_time(desk: Desk) -> None:
    ids = await furnish(desk)
    person = await desk.logged_in()
    for spelling in ("06600000001", "%2B43+660+0000001", "436600000001", "0043/660/0000001"):
        assert ids["sent"] in await found(person, f"q={spelling}")
    assert ids["sent"] in await found(person, f"q={AUTHOR}")
    assert ids["sent"] in await found(person, f"q={AUTHOR.upper()}")
    assert await found(person, "text=LIEFERUNG") == [ids["sent"]]
    assert await found(person, "q=wegen+der+Lieferung") == [ids["sent"]]
    assert await found(person, "state=held") == [ids["held"]]
    assert await found(person, f"q={AUTHOR}&state=unknown") == [ids["unknown"]]
    assert await found(person, "q=nobody@example.org") == []
    tomorrow = (datetime.now() + timedelta(days=1)).isoformat(timespec="minutes")  # noqa: DTZ005  # as the form has it
    assert await found(person, f"since={tomorrow}") == []
    assert ids["sent"] in await found(person, f"until={tomorrow}&text=Lieferung")


async def test_an_id_leads_to_its_message(desk: Desk) -> None:
    ids = await furnish(desk)
    person = await desk.logged_in()
    ((sent, _),) = await desk.spool.show(f"{ids['sent']}-1")
    for wanted in (ids["sent"], sent.id, str(sent.transfer_id), f"<{ids['held']}@example.org>"):
        async with person.client.get(f"{desk.base}/messages", params={"q": wanted}) as answer:
            assert "/messages/" in str(answer.url)
            assert answer.status == 200


async def test_further_back_until_there_is_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "PAGE", 4)
    for number in range(10):
        await put(desk, delivery(f"M{number}"))
    person = await desk.logged_in()
    seen: list[str] = []
    path: str | None = "/messages?q=anna@example.org"
    while path is not None:
        _, page = await person.get(path)
        seen += re.findall(r'<a href="/messages/(M\d)-1"><code>', page)
        further = re.search(r'href="([^"]+)" rel="next"', page)
        path = further[1].replace("&amp;", "&") if further else None
    assert seen == [f"M{number}" for number in range(9, -1, -1)]


async def test_a_timeline_says_exactly_what_was_sent(desk: Desk) -> None:
    ids = await furnish(desk)
    person = await desk.logged_in()
    _, page = await person.get(f"/messages/{ids['sent']}")
    assert "Rückruf\nBitte um Rückruf wegen der Lieferung.</div>" in page
    assert "1 SMS in GSM" in page
    assert "+43\xa0660\xa00000099" in page
    events = re.findall(r"<strong>(\w+)</strong>", page.partition('class="timeline"')[2])
    assert events == ["received", "queued", "sending", "sent", "report", "delivered"]
    assert ADDRESS in page
    assert "Anna Muster" not in page  # the signature did not go out


async def test_binary_sms_and_erased_texts(desk: Desk) -> None:
    card = Sms(text="card", segments=(b"\x06\x05\x04", b"\xff"), originator=LINE)
    await put(desk, delivery("M1", payload=encode_sms(card)))
    await put(desk, delivery("M2", payload=b"", state=State.DELIVERED))
    person = await desk.logged_in()
    assert "06 05 04\nff\n" in (await person.get("/messages/M1"))[1]
    assert "The text was erased" in (await person.get("/messages/M2"))[1]


async def test_a_notice_is_linked_from_what_it_tells(desk: Desk) -> None:
    ids = await furnish(desk)
    person = await desk.logged_in()

    async def told() -> bool:
        return f"Notice to {AUTHOR}" in (await person.get(f"/messages/{ids['failed']}"))[1]

    await until_async(told, "the notice")


async def test_a_large_group_is_cut(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MOST_SHOWN", 2)
    one = delivery("M1")
    others = [delivery("M1", id=f"M1-{number}") for number in range(2, 6)]
    await put(desk, one, deliveries=[one, *others])
    assert "3 more are not shown here" in (await (await desk.logged_in()).get("/messages/M1"))[1]
