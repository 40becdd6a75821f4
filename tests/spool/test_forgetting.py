"""Everything about a number leaves both stores, nothing of anybody else's does."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bridge.message import Channel, Delivery, Report, ReportState, Sms, State, encode_sms
from bridge.spool import Conversation, Step
from bridge.spool.forgetting import number
from bridge.spool.sqlite import SqliteSpool
from tests.databases import TABLES
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store, look

PHONE, OTHER = "436600000001", "436600000002"
WANTED = number(PHONE, ["06600000001"])
LATER = NOW + 2 * 86400  # no report comes any more
ON_SQLITE = sorted(set(TABLES) - {"nodes", "buckets", "refused", "pauses", "generation", "smsbridge"})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("436600000001", True),
        ("an +436600000001.", True),
        ("00436600000001", True),
        ("+43 660 0000001", True),
        ("0660/000 00 01", True),
        ("<06600000001@sms.example.com>", True),
        ("4366000000010", False),
        ("1436600000001", False),
        ("436600000002", False),
        ("6600000001", False),
        ("", False),
    ],
)
def test_how_a_number_is_spelt(text: str, named: bool) -> None:
    assert WANTED.is_in(text) is named
    assert WANTED.is_in_octets(text.encode()) is named


def test_a_line_that_was_broken_for_the_mail_is_one_line() -> None:
    assert WANTED.is_in_octets(b"to +43660=\r\n0000001 and others")


async def test_everything_of_it_goes_and_nothing_else(spool: Store) -> None:
    await known(spool)
    everything = await rows(spool)
    assert any(PHONE in row for row in everything)
    done = await spool.forget(WANTED, LATER, yes=False)
    assert (done.under_way, done.calling) == ((), False)
    assert done.counts == {
        "sms": 2,
        "mails": 1,
        "notices": 2,
        "conversations": 1,
        "reports": 1,
        "dead letters": 1,
        "alerts": 1,
        "mentions": 2,
    }
    left = await rows(spool)
    assert [row for row in left if any(word in row for word in (PHONE, "660 0000001", "06600000001", "secret"))] == []
    assert (await spool.show("M1-2"))[0][0].recipient == OTHER
    assert (await spool.show("M3-1"))[0][0].reason == "nicht (forgotten), sondern 436600000002"
    assert await spool.conversation(OTHER, None, NOW) is not None
    assert [alert.text for alert in await spool.alerts(9)] == [f"over {OTHER}"]
    again = await spool.forget(WANTED, LATER, yes=False)
    assert again.counts == {}


@pytest.mark.parametrize("spelt", ["+43 660 00 00 00 1", "0660/0000-0-0-1", "+43 (660) 000.00.01", PHONE])
async def test_however_a_carrier_spelt_it(spool: Store, spelt: str) -> None:
    said = f"not {spelt} but {OTHER}"
    await spool.accept(intake(delivery(recipient=OTHER, state=State.FAILED, reason=said)))
    assert (await spool.forget(WANTED, LATER, yes=False)).counts == {"mentions": 2}
    ((found, events),) = await spool.show("M1")
    assert [found.reason, *(event.text for event in events)] == [f"not (forgotten) but {OTHER}"] * 2


async def test_what_it_sent_does_not_come_back_with_the_providers_repeat(spool: Store) -> None:
    await known(spool)
    await spool.forget(WANTED, LATER, yes=False)
    mail = delivery(mail="S9", channel=Channel.MAIL, recipient="anna@example.org")
    repeated = await spool.accept(
        intake(mail, id="S9", kind="sms", sender=PHONE, author=None, notification_id="n-1", at=LATER)
    )
    assert repeated.repeated


@pytest.mark.parametrize("state", [State.QUEUED, State.HELD, State.UNKNOWN, State.SENT, State.SENDING])
@pytest.mark.parametrize("channel", list(Channel))
async def test_what_is_under_way_needs_a_yes_and_a_call_its_end(spool: Store, state: State, channel: Channel) -> None:
    is_mail = channel is Channel.MAIL
    sender = {"kind": "sms", "sender": PHONE, "author": None} if is_mail else {}
    to: dict[str, Any] = {"channel": channel, "recipient": "anna@example.org" if is_mail else PHONE}
    await spool.accept(intake(delivery(state=state, **to), **sender))
    done = await spool.forget(WANTED, NOW, yes=False)
    if state is State.SENT and is_mail:  # nobody reports of it
        assert done.counts == {"mails": 1}
        return
    assert (done.under_way, done.counts) == ([("M1-1", state)], {})
    assert len(await spool.show("M1")) == 1
    done = await spool.forget(WANTED, NOW, yes=True)
    assert done.calling is (state is State.SENDING)
    assert len(await spool.show("M1")) == (1 if state is State.SENDING else 0)


async def test_whoever_is_still_to_be_told_is_under_way(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.QUEUED)))
    await spool.move([Step(id="M1-1", to=State.FAILED, event="bounced", told="failed")], NOW)
    assert (await spool.forget(WANTED, LATER, yes=False)).under_way == [("M1-1", State.FAILED)]
    assert (await spool.forget(WANTED, LATER, yes=True)).counts == {"sms": 1}
    assert await spool.telling(LATER, LATER, 9) == []


async def test_what_is_forgotten_is_not_sent_any_more(spool: Store) -> None:
    await spool.accept(intake(delivery()))
    assert (await spool.forget(WANTED, NOW, yes=True)).counts == {"sms": 1}
    assert await spool.start(Channel.SMS, 9, NOW, NOW + 300, (), ()) == []


async def test_row_129_forgotten_is_forgotten_on_the_disk(spool: Store) -> None:
    await known(spool)
    await spool.forget(WANTED, LATER, yes=False)
    thorough = await spool.scrub()
    assert thorough is isinstance(spool, SqliteSpool), "on a server only its own clean-up knows"
    if isinstance(spool, SqliteSpool):
        for file in spool.path.parent.iterdir():
            content = file.read_bytes()
            assert PHONE.encode() not in content, file.name
            assert b"secret" not in content, file.name


async def known(spool: Store) -> None:
    """Somebody wrote to two phones, one answered; what came of it; and what only names the number."""
    sms = [
        delivery(1, recipient=PHONE, payload=encode_sms(Sms(text="secret"))),
        delivery(2, recipient=OTHER, payload=encode_sms(Sms(text="hello"))),
    ]
    conversations = [
        Conversation(phone=phone, line="", author="anna@example.org", expires_at=LATER) for phone in (PHONE, OTHER)
    ]
    await spool.accept(
        intake(
            *sms,
            conversations=conversations,
            seen=[b"k1", b"k2"],
            original=b"To: 06600000001@sms.example.com\r\n\r\nsecret",
            expanded=[("M1-1", f"{PHONE}@sms.example.com")],
        )
    )
    for name in ("M1-1", "M1-2"):
        await spool.move([Step(id=name, to=State.FAILED, event="bounced", told="failed")], NOW)
    await notice(spool, "N1", b"Final-Recipient: rfc822; somebody", told=[("M1-1", "failed"), ("M1-2", "failed")])
    await spool.accept(intake(delivery(mail="M2", state=State.DELIVERED), id="M2"))
    answer = delivery(mail="S1", channel=Channel.MAIL, recipient="anna@example.org", payload=b"secret")
    await spool.accept(intake(sent(answer), id="S1", kind="sms", sender=PHONE, author=None, notification_id="n-1"))
    said = f"nicht {PHONE}, sondern {OTHER}"
    await spool.accept(intake(delivery(mail="M3", recipient=OTHER, state=State.FAILED, reason=said), id="M3"))
    await spool.report(Report(notification_id="r", state=ReportState.ACCEPTED, transfer_id="t", phone=PHONE), NOW)
    await spool.bury("d1", f'{{"sender": "{PHONE}"}}'.encode(), "no text", NOW)
    await spool.bury("d2", b"{}", "no text", NOW)
    first, second = await spool.alerts(9)
    await notice(spool, "N2", b"An alert about +43 660 0000001", alerts=[first.id, second.id])
    for text in (f"loops with {PHONE}", f"over {OTHER}"):
        await spool.alert(text, NOW)


async def notice(
    spool: Store, mail: str, payload: bytes, told: Sequence[tuple[str, str]] = (), alerts: Sequence[int] = ()
) -> None:
    wrote = delivery(mail=mail, channel=Channel.MAIL, recipient="anna@example.org", sender="", payload=payload)
    await spool.accept(
        intake(sent(wrote), id=mail, kind="notice", sender="", author=None, told=told, alerts_told=alerts)
    )


def sent(item: Delivery) -> Delivery:
    return replace(item, state=State.SENT)


async def rows(spool: Store) -> list[str]:
    """All that stands in the tables."""
    found: list[str] = []
    for table in ON_SQLITE:
        found += map(_as_text, await look(spool, f"SELECT * FROM {table}"))  # noqa: S608  # our own names
    return found


def _as_text(row: Sequence[object]) -> str:
    return " ".join(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in row)


def test_digits_of_a_short_code_are_no_part_of_others() -> None:
    short = number("1144")
    assert short.is_in("von 1144 an")
    assert not short.is_in("11440")
    assert not short.is_in("436601144")
