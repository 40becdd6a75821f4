"""The nouns that cross the house: frozen, slotted, and an SMS that comes back from the spool as it went in."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import message
from bridge.message import (
    Attachment,
    Bounce,
    Channel,
    Delivery,
    Fate,
    IncomingSms,
    OnUnknown,
    Receipt,
    Report,
    Reports,
    ReportState,
    Scope,
    Sms,
    State,
    Verdict,
    decode_sms,
    encode_sms,
)
from tests.make import NOW, delivery

NOUNS = [
    Attachment(name="a.vcf", content_type="text/vcard", data=b"x"),
    Sms(text="x"),
    delivery(),
    Receipt(verdict=Verdict.ACCEPTED),
    Bounce(fate=Fate.FAILED),
    IncomingSms(notification_id="n", phone="436600000001", line=None, text="x"),
    Report(notification_id="n", state=ReportState.DELIVERED),
]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: type(noun).__name__)
def test_a_noun_does_not_change(noun: object) -> None:
    assert dataclasses.is_dataclass(noun)
    for field in dataclasses.fields(noun):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(noun, field.name, None)
        assert field.kw_only
    assert not hasattr(noun, "__dict__")
    hash(noun)


def test_every_noun_is_here() -> None:
    there = {value for value in vars(message).values() if isinstance(value, type) and dataclasses.is_dataclass(value)}
    assert {type(noun) for noun in NOUNS} == there


@pytest.mark.parametrize("words", [Channel, State, Verdict, Scope, OnUnknown, Reports, ReportState])
def test_words_are_stored_as_themselves(words: type[Channel]) -> None:
    for word in words:
        assert f"{word}" == word.value == word.name.lower()
        assert words(word.value) is word
        assert json.loads(json.dumps({"word": word})) == {"word": word.value}
    with pytest.raises(ValueError, match="not a valid"):
        words("nonsense")


_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_SMS = st.builds(
    Sms,
    text=_TEXT,
    originator=st.none() | _TEXT,
    max_parts=st.integers(1, 255),
    flash=st.booleans(),
    priority=st.none() | st.integers(0, 9),
    category=st.none() | st.sampled_from(["informational", "advertisement"]),
    voice=st.booleans(),
    segments=st.lists(st.binary(max_size=140), max_size=3).map(tuple),
    with_header=st.booleans(),
)


@settings(deadline=None)
@given(_SMS)
def test_an_sms_comes_back_as_it_went_in(sms: Sms) -> None:
    assert decode_sms(encode_sms(sms)) == sms


@pytest.mark.parametrize("text", ["", "😀 👨‍👩‍👧 🇦🇹", "€ größer {[~]}", 'a"b\\c\nd\te\r', "\x00\u2028\ufeff"])
def test_odd_texts_come_back(text: str) -> None:
    sms = Sms(text=text, originator="Größe")
    assert decode_sms(encode_sms(sms)) == sms


def test_a_payload_is_json_that_people_can_read() -> None:
    payload = encode_sms(Sms(text="größer 😀", flash=True))
    assert b"\n" not in payload
    assert "größer 😀" in payload.decode()
    assert json.loads(payload) == {
        "text": "größer 😀",
        "flash": True,
    }, "what has its default is left out"
    binary = encode_sms(Sms(text="vCard", segments=(b"\x00\xff",)))
    assert json.loads(binary) == {"text": "vCard", "segments": ["AP8="]}


def test_a_payload_of_an_older_version_has_the_defaults() -> None:
    assert decode_sms(b'{"text":"x"}') == Sms(text="x")


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"{}", b'"x"', b"\xff", b'{"text":"x","colour":1}'])
def test_what_is_no_payload_is_not_taken_for_one(payload: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode_sms(payload)


def test_the_least_a_delivery_can_hold_lets_nobody_be_told_and_waits_for_its_turn() -> None:
    least = Delivery(
        id="M1-1",
        mail="M1",
        channel=Channel.SMS,
        recipient="436600000001",
        payload=b"",
        created_at=NOW,
        next_at=NOW,
        expires_at=NOW + 1,
    )
    assert (least.state, least.attempts, least.author, least.sender) == (State.QUEUED, 0, None, "")
    assert (least.on_unknown, least.reports) == (OnUnknown.HOLD, Reports.FAILURES)


def test_a_receipt_concerns_one_message_and_alarms_nobody_unless_it_says_so() -> None:
    receipt = Receipt(verdict=Verdict.PERMANENT)
    assert (receipt.scope, receipt.alert, receipt.retry_after) == (Scope.MESSAGE, False, None)
