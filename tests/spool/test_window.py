"""What the operator's window asks, on both stores: right, in pages, and never of everything."""

from collections.abc import Sequence
from typing import Any

import pytest

from bridge import compose
from bridge.message import Channel, Delivery, Sms, State, encode_sms
from bridge.spool import Step, window
from bridge.spool.generation import HELD
from bridge.spool.window import Found, Search
from tests.make import NOW, PHONE, delivery, intake
from tests.spool.stores import Store

OTHER = "436600000002"


def relayed(mail: str, text: str, at: float, phone: str = PHONE, **changes: Any) -> tuple[Delivery, dict[str, Any]]:
    """The mail that an SMS became."""
    payload = compose.compose([("From", "a@sms.example.com")], text)
    one = delivery(
        mail=mail,
        channel=Channel.MAIL,
        recipient="anna@example.org",
        payload=payload,
        author=None,
        sender="",
        created_at=at,
        **changes,
    )
    return one, {"kind": "sms", "sender": phone, "author": None, "at": at, "line": "436600000099"}


async def fill(spool: Store, count: int, **changes: Any) -> None:
    for number in range(count):
        at = NOW + number
        await spool.accept(intake(delivery(mail=f"M{number:03d}", created_at=at, next_at=NOW + 9e6, **changes), at=at))


def ids(found: Found) -> list[str]:
    return [one.mail for one in found.deliveries]


async def all_pages(spool: Store, limit: int, **wanted: Any) -> list[str]:
    """Every page, one after the other."""
    gathered: list[str] = []
    before: int | None = None
    while True:
        found = await spool.search(Search(**{"before": before, **wanted}), limit)
        gathered += ids(found)
        if found.further is None:
            return gathered
        before = found.further


async def test_states_are_counted(spool: Store) -> None:
    states = [State.QUEUED, State.QUEUED, State.HELD, State.SENT, State.FAILED]
    await spool.accept(intake(*(delivery(number, state=state) for number, state in enumerate(states, 1))))
    assert await spool.counts() == {State.QUEUED: 2, State.HELD: 1}


async def test_what_a_restore_held_is_counted(spool: Store) -> None:
    codes = [HELD, HELD, "4001"]
    await spool.accept(intake(*(delivery(n, state=State.HELD, code=code) for n, code in enumerate(codes, 1))))
    assert await spool.restored() == 2


async def test_events_by_the_minute(spool: Store) -> None:
    minute = int(NOW // 60)
    await spool.accept(intake(delivery(1), delivery(2)))
    await spool.move([Step(id="M1-1", to=State.SENDING, event="sending")], NOW + 60)
    assert sorted(await spool.pulse(NOW - 60, NOW + 120)) == [(minute, "queued", 2), (minute + 1, "sending", 1)]
    assert list(await spool.pulse(NOW + 120, NOW + 180)) == []


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_hold_everything_once_newest_first(
    spool: Store, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "_AT_ONCE", 4)
    await fill(spool, 10)
    newest = [f"M{number:03d}" for number in range(9, -1, -1)]
    for wanted in ({}, {"number": PHONE}, {"address": "anna@example.org"}, {"state": State.QUEUED}, {"text": "HELLO"}):
        assert await all_pages(spool, limit, **wanted) == newest, wanted


async def test_a_group_is_paged_although_all_came_at_once(spool: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "_AT_ONCE", 2)
    await spool.accept(intake(*(delivery(number, recipient=OTHER) for number in range(1, 8))))
    assert len(await all_pages(spool, 2, address="anna@example.org")) == 7


async def test_who_wrote_and_who_got(spool: Store) -> None:
    await spool.accept(intake(delivery(mail="M1"), sender="bounces@example.org", author="anna@example.org"))
    one, changes = relayed("M2", "I am coming", NOW + 1)
    await spool.accept(intake(one, **changes))
    other = delivery(mail="M3", recipient=OTHER, author="b@example.org")
    await spool.accept(intake(other, sender="b@example.org", author="b@example.org"))
    assert ids(await spool.search(Search(number=PHONE), 10)) == ["M2", "M1"]
    assert ids(await spool.search(Search(address="anna@example.org"), 10)) == ["M2", "M1"]
    assert ids(await spool.search(Search(address="bounces@example.org"), 10)) == ["M1"]
    assert ids(await spool.search(Search(number="43660"), 10)) == []


async def test_words_are_found_whatever_their_case_and_their_spelling_on_the_wire(spool: Store) -> None:
    await spool.accept(intake(delivery(mail="M1", payload=encode_sms(Sms(text='Über "alles"\nneu')))))
    one, changes = relayed("M2", "Größe überall", NOW)
    await spool.accept(intake(one, **changes))
    await spool.accept(intake(delivery(mail="M3", payload=b"", state=State.SENT)))
    for words, expected in (("ÜBER", ["M2", "M1"]), ('"ALLES"\nneu', ["M1"]), ("größe", ["M2"]), ("nothing", [])):
        assert ids(await spool.search(Search(text=words), 10)) == expected, words


@pytest.mark.parametrize("state", list(State))
async def test_every_state_is_found(spool: Store, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    await spool.accept(intake(*(delivery(number, state=each) for number, each in enumerate(State, 1))))
    assert [one.state for one in (await spool.search(Search(state=state), 10)).deliveries] == [state]
    # Where there are so many that no list of them is made.
    monkeypatch.setattr(window, "_MOST_OF_A_STATE", 1)
    assert [one.state for one in (await spool.search(Search(state=state), 10)).deliveries] == [state]


async def test_a_span_of_time(spool: Store) -> None:
    await fill(spool, 10)
    assert ids(await spool.search(Search(since=NOW + 3, until=NOW + 6), 10)) == ["M005", "M004", "M003"]
    assert ids(await spool.search(Search(until=NOW - 1), 10)) == []
    assert ids(await spool.search(Search(since=NOW + 99), 10)) == []


async def test_a_search_ends_and_says_how_far_it_looked(spool: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "LOOK_AT", 4)
    await fill(spool, 10)
    found = await spool.search(Search(text="nothing"), 5)
    assert (ids(found), found.looked_back_to) == ([], NOW + 5)
    looks = 1
    while found.further is not None:
        found = await spool.search(Search(text="nothing", before=found.further), 5)
        looks += 1
    assert looks == 3


async def test_payloads_stay_where_they_are(spool: Store) -> None:
    await fill(spool, 2)
    found = [*(await spool.search(Search(), 9)).deliveries, *(await spool.search(Search(text="hello"), 9)).deliveries]
    assert {one.payload for one in found} == {b""}


async def test_an_empty_spool_has_no_pages(spool: Store) -> None:
    assert await spool.search(Search(until=NOW), 10) == Found(deliveries=[], further=None)
    assert (list(await spool.phones(10)), list(await spool.talk(PHONE, NOW, 10))) == ([], [])
    assert await spool.last_notification() is None


async def conversation(spool: Store) -> None:
    await spool.accept(
        intake(delivery(mail="M1", payload=encode_sms(Sms(text="Where are you?", originator="43"))), at=NOW)
    )
    one, changes = relayed("M2", "Nearly there", NOW + 5)
    await spool.accept(intake(one, notification_id="n1", **changes))
    await spool.accept(intake(delivery(mail="M3", created_at=NOW + 9, payload=b"", state=State.SENT), at=NOW + 9))
    other, changes = relayed("M4", "Somebody else", NOW + 11, phone=OTHER)
    await spool.accept(intake(other, **changes))


def said(bubbles: Sequence[window.Bubble]) -> list[tuple[bool, str | None]]:
    return [(one.outgoing, one.text) for one in bubbles]


async def test_a_conversation_as_a_phone_shows_it(spool: Store) -> None:
    await conversation(spool)
    found = await spool.talk(PHONE, NOW + 60, 10)
    assert said(found) == [(True, None), (False, "Nearly there"), (True, "Where are you?")]
    assert [(one.mailbox, one.line) for one in found[1:]] == [
        ("anna@example.org", "436600000099"),
        ("anna@example.org", "43"),
    ]
    assert said(await spool.talk(PHONE, NOW + 9, 1)) == [(False, "Nearly there")]
    assert await spool.last_notification() == NOW + 5


async def test_the_phones_of_late_each_with_its_last_sms(spool: Store) -> None:
    await conversation(spool)
    assert [(one.phone, one.text) for one in await spool.phones(10)] == [(OTHER, "Somebody else"), (PHONE, None)]
    assert [one.phone for one in await spool.phones(1)] == [OTHER]
