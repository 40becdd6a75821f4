"""The JSON of a call against the provider's field table."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.message import Sms
from bridge.providers.websms.request import request, sender_address
from tests.providers.servers import NOW, delivery

CALLBACK = "https://bridge.example.net/websms/s3cret-made-up"
COMMON: dict[str, Any] = {
    "recipientAddressList": ["436600000001"],
    "clientMessageId": "m1-1",
    "validityPeriode": 3600,
}
SET: dict[str, Any] = {
    "senderAddress": "ALARM",
    "senderAddressType": "alphanumeric",
    "notificationCallbackUrl": CALLBACK,
    "sendAsFlashSms": True,
    "priority": 9,
    "contentCategory": "informational",
    "test": True,
}
ALL = Sms(text="x", originator="ALARM", max_parts=9, flash=True, priority=9, category="informational")
SEGMENTS = (b"\x05\x00\x03\x2a\x02\x01\xff\xfe\xfd", b"\x05\x00\x03\x2a\x02\x02>>>???")


def asked(sms: Sms, *, full: bool = False) -> tuple[str, dict[str, Any]]:
    made = request(delivery(sms), now=NOW, callback_url=CALLBACK if full else None, test=full)
    return made.kind, json.loads(made.body)


def binary(sms: Sms) -> Sms:
    return Sms(
        text=sms.text,
        originator=sms.originator,
        flash=sms.flash,
        priority=sms.priority,
        category=sms.category,
        segments=SEGMENTS,
        with_header=True,
    )


def test_a_text_with_nothing_set_and_with_everything() -> None:
    text = {"messageContent": "x"}
    assert asked(Sms(text="x")) == ("text", COMMON | text | {"maxSmsPerMessage": 3})
    assert asked(ALL, full=True) == ("text", COMMON | SET | text | {"maxSmsPerMessage": 9})


def test_a_voice_message_says_so_and_a_text_says_nothing() -> None:
    assert asked(Sms(text="x", voice=True)) == (
        "text",
        COMMON | {"messageContent": "x", "maxSmsPerMessage": 3, "messageType": "voice"},
    )
    assert "messageType" not in asked(ALL, full=True)[1]


def test_a_binary_message_has_neither_a_limit_nor_a_type() -> None:
    content = {"messageContent": ["BQADKgIB//79", "BQADKgICPj4+Pz8/"], "userDataHeaderPresent": True}
    assert [base64.b64decode(one, validate=True) for one in content["messageContent"]] == list(SEGMENTS)  # type: ignore[attr-defined] # a list
    assert asked(binary(Sms(text="vCard"))) == ("binary", COMMON | content)
    assert asked(binary(ALL), full=True) == ("binary", COMMON | SET | content)
    assert asked(Sms(text="", segments=(b"a",), voice=True)) == (
        "binary",
        COMMON | {"messageContent": ["YQ=="], "userDataHeaderPresent": False},
    )


@settings(deadline=None)
@given(
    st.builds(
        Sms,
        text=st.text(st.characters(exclude_categories=["Cs"])),
        originator=st.none() | st.text("+0123456789aA ", max_size=12),
        max_parts=st.integers(-1, 1000),
        flash=st.booleans(),
        priority=st.none() | st.integers(0, 9),
        category=st.none() | st.just("advertisement"),
        voice=st.booleans(),
        segments=st.lists(st.binary(min_size=1, max_size=140), max_size=3).map(tuple),
        with_header=st.booleans(),
    )
)
def test_nothing_is_null_empty_or_of_the_other_call(sms: Sms) -> None:
    kind, fields = asked(sms)
    assert all(value not in (None, "", []) for name, value in fields.items() if name != "messageContent")
    assert (kind == "binary") is bool(sms.segments) is ("userDataHeaderPresent" in fields)
    assert ("maxSmsPerMessage" in fields) is not bool(sms.segments)
    assert 1 <= fields.get("maxSmsPerMessage", 1) <= 255
    assert len(fields["recipientAddressList"]) == 1


@pytest.mark.parametrize(
    "payload", [b"{", b"[]", b"5", b'"x"', b"null", b'{"text":"x","segments":[5]}', b"{}", b"\xff"]
)
def test_a_payload_that_cannot_be_read(payload: bytes) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError)):
        request(delivery(payload=payload), now=NOW, callback_url=None, test=False)


@pytest.mark.parametrize(
    ("originator", "expected"),
    [
        ("436600000001", ("436600000001", "international")),
        ("+436600000001", ("436600000001", "international")),
        ("4366000", ("4366000", "international")),
        ("0828270000001", ("0828270000001", "national")),
        ("800100", ("800100", "shortcode")),
        ("80", ("80", "shortcode")),
        ("ALARM", ("ALARM", "alphanumeric")),
        ("Alarm 24", ("Alarm 24", "alphanumeric")),
        ("٠١٢٣٤٥٦٧", ("٠١٢٣٤٥٦٧", "alphanumeric")),
    ],
)
def test_sender_address(originator: str, expected: tuple[str, str]) -> None:
    assert sender_address(originator) == expected


@settings(deadline=None)
@given(st.text("+0123456789aA ", min_size=1, max_size=12))
def test_an_originator_is_sent_as_what_it_is(originator: str) -> None:
    address, kind = sender_address(originator)
    assert address == (originator if kind == "alphanumeric" else originator.removeprefix("+"))
    assert (kind == "alphanumeric") is not originator.removeprefix("+").isdecimal()
    assert (kind == "national") <= address.startswith("0")
    assert (kind == "shortcode") == (kind != "alphanumeric" and len(address) < 7)
