"""Nouns with made-up contents, for tests that care about one field of them."""

from typing import Any

from bridge.message import Channel, Delivery, Sms, encode_sms
from bridge.spool import Intake

NOW = 1_800_000_000.0
PHONE = "436600000001"


def delivery(number: int = 1, mail: str = "M1", **changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "id": f"{mail}-{number}",
        "mail": mail,
        "channel": Channel.SMS,
        "recipient": PHONE,
        "payload": encode_sms(Sms(text="hello")),
        "author": "anna@example.org",
        "route": "anna@sms.example.com",
        "created_at": NOW,
        "changed_at": NOW,
        "next_at": NOW,
        "expires_at": NOW + 86400,
    }
    values = {**values, **changes}
    if values["channel"] is Channel.SMS:  # here the author is always the envelope sender, and proven
        values.setdefault("sender", values["author"] or "")
    return Delivery(**values)


def intake(*deliveries: Delivery, **changes: Any) -> Intake:
    values: dict[str, Any] = {
        "id": deliveries[0].mail if deliveries else "M1",
        "kind": "mail",
        "at": NOW,
        "sender": "anna@example.org",
        "author": "anna@example.org",
        "deliveries": deliveries,
    }
    return Intake(**{**values, **changes})
