"""What is kept for how long, and that what is gone is gone from the disk."""

from pathlib import Path

import pytest

from bridge.message import Sms, State, encode_sms
from bridge.spool import FINAL, SEEN_FOR, Conversation, Step
from bridge.spool.sqlite import open_spool
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store, look

TEXT, HISTORY = 72 * 3600.0, 90 * 86400.0


@pytest.mark.parametrize("state", list(State))
async def test_texts_go_when_they_are_done_and_old(spool: Store, state: State) -> None:
    await spool.accept(intake(delivery(state=state)))
    assert await spool.purge(NOW + TEXT - 1, TEXT, HISTORY) == 0
    touched = await spool.purge(NOW + TEXT + 1, TEXT, HISTORY)
    ((found, events),) = await spool.show("M1-1")
    assert (found.payload == b"") is (state in FINAL)
    assert touched == (state in FINAL)
    assert events  # the history stays
    assert await spool.purge(NOW + TEXT + 2, TEXT, HISTORY) == 0  # and nothing is done twice


@pytest.mark.parametrize("state", list(State))
async def test_history_goes_when_it_is_old(spool: Store, state: State) -> None:
    await spool.accept(intake(delivery(1, state=state), delivery(2)))
    await spool.purge(NOW + HISTORY + 1, TEXT, HISTORY)
    assert len(await spool.show("M1")) == 2 - (state in FINAL)
    events = await look(spool, "SELECT delivery FROM events")
    assert ("M1-1",) not in events or state not in FINAL
    mails = await look(spool, "SELECT id FROM mails")
    assert mails == [("M1",)]  # its other delivery waits


async def test_with_its_last_delivery_a_mail_goes(spool: Store) -> None:
    await spool.accept(intake(delivery(1, state=State.SENT), delivery(2, state=State.FAILED)))
    await spool.purge(NOW + HISTORY + 1, TEXT, HISTORY)
    for table in ("mails", "deliveries", "events"):
        sql = f"SELECT count(*) FROM {table}"  # noqa: S608  # three literals
        assert await look(spool, sql) == [(0,)], table  # run now


async def test_it_works_in_bites_and_says_when_it_is_done(spool: Store) -> None:
    await spool.accept(intake(*(delivery(number, state=State.SENT) for number in range(1, 26))))
    bites = [await spool.purge(NOW + HISTORY + 1, TEXT, HISTORY, 10) for _ in range(4)]
    assert bites == [10, 10, 5, 0]
    assert await spool.show("M1") == []


async def test_what_was_seen_and_what_was_notified_is_forgotten_after_its_time(spool: Store) -> None:
    await spool.accept(intake(delivery(), seen=[b"k"], notification_id="n1"))
    await spool.purge(NOW + SEEN_FOR - 1, TEXT, HISTORY)
    assert (await spool.accept(intake(delivery(mail="M2"), id="M2", notification_id="n1"))).repeated
    await spool.purge(NOW + SEEN_FOR + 1, TEXT, HISTORY)
    assert not (await spool.accept(intake(delivery(mail="M3"), id="M3", notification_id="n1"))).repeated


async def test_who_talked_to_whom_is_forgotten_with_the_history(spool: Store) -> None:
    open_one = Conversation(phone="436600000002", line="", author="bernd@example.org", expires_at=NOW + HISTORY + 9)
    over = Conversation(phone="436600000001", line="", author="anna@example.org", expires_at=NOW)
    await spool.accept(intake(delivery(), conversations=[over, open_one]))
    await spool.purge(NOW + HISTORY + 1, TEXT, HISTORY)
    authors = await look(spool, "SELECT author FROM conversations")
    assert authors == [("bernd@example.org",)]


async def test_row_129_what_was_erased_is_not_on_the_disk(tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    mark = b"seeded-marker-in-a-text"
    payload = encode_sms(Sms(text=mark.decode()))
    await spool.accept(intake(*(delivery(number, state=State.SENT, payload=payload) for number in range(1, 30))))
    await spool.purge(NOW + TEXT + 1, TEXT, HISTORY)
    await spool.close()
    for path in tmp_path.iterdir():
        assert mark not in path.read_bytes(), path.name


async def test_a_dead_letter_is_kept_once_and_said_once(spool: Store) -> None:
    for _ in range(3):
        await spool.bury("n1", b"\xff{", "no JSON", NOW)
    await spool.bury("n2", b"<", "no XML", NOW + 1)
    bodies = await look(spool, "SELECT body FROM dead_letters ORDER BY at")
    assert bodies == [(b"\xff{",), (b"<",)]
    said = await spool.alerts(9)
    assert [alert.at for alert in said] == [NOW, NOW + 1]
    assert "no JSON" in said[0].text


async def test_an_alert_is_there_until_it_was_told(spool: Store) -> None:
    await spool.alert("one", NOW)
    await spool.alert("two", NOW + 1)
    first, second = await spool.alerts(9)
    await spool.accept(intake(id="N", kind="notice", alerts_told=[first.id]))
    assert await spool.alerts(9) == [second]
    assert await spool.alerts(0) == []
    await spool.purge(NOW + HISTORY + 2, TEXT, HISTORY)
    assert await spool.alerts(9) == []


async def test_an_operator_finds_no_text_to_send_again_after_it_was_erased(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.FAILED)))
    await spool.purge(NOW + TEXT + 1, TEXT, HISTORY)
    await spool.move([Step(id="M1-1", to=State.QUEUED, event="retried", next_at=NOW)], NOW)
    ((found, _),) = await spool.show("M1-1")
    assert found.payload == b""  # the command refuses it: see tests/cli/test_queue.py
