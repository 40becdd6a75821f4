"""Nothing that phones or the provider say is lost: 10,000 notifications through a real webhook into a real spool."""

import asyncio
import base64
import email
import email.policy
import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from xml.sax.saxutils import escape

import aiohttp
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bridge.config import Endpoint
from bridge.ids import mail_ids
from bridge.listeners import HttpListener
from bridge.log import get_logger
from bridge.message import Attachment, IncomingSms, Report, State, StoreUnavailable, Unreadable
from bridge.providers.websms import Websms, notifications
from bridge.relay import digest, or_put_aside
from bridge.spool.sqlite import SqliteSpool, open_spool
from bridge.webhook import Webhook
from tests.given import LINE, SECRET, configuration
from tests.make import NOW, PHONE, delivery, intake

MANY = 10_000
AT_ONCE = 8
MARK = "@MARK@"
"""Stands where each case puts a number of its own, by which it is found again."""

_WORDS = st.text(max_size=30)
_ALMOST = [f"{PHONE}\ud800", f"+{PHONE}{'[' * 70}", f"{PHONE} x"]  # begin as a number does
_PHONES = st.sampled_from([PHONE, f"+{PHONE}", "06600000001", "828282", "Bank", "4" * 70, *_ALMOST]) | _WORDS
_LINES = st.sampled_from([LINE, "0660 0000099", "828282", "", None])
_KINDS = st.sampled_from(["international", "national", "shortcode", "alphanumeric"])
_FLAGS = st.sampled_from([True, False, "true", "false", 1])
_STATES = st.sampled_from(["delivered", "undelivered", "expired", "deleted", "accepted", "rejected", "new"])
_IDS = st.sampled_from([MARK] * 5 + [f"n-{MARK}"] * 4 + ["always the same"])
_TEXTS = _WORDS.map(lambda words: f"{words}{MARK}{words}")
_OCTETS = st.binary(max_size=60).map(lambda data: base64.urlsafe_b64encode(data).decode())


def _sms(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    needed = {"messageType": st.just(kind), "notificationId": _IDS, "senderAddress": _PHONES, **fields}
    optional = {"recipientAddress": _LINES, "recipientAddressType": _KINDS, "messageFlashSms": _FLAGS}
    return st.fixed_dictionaries(needed, optional=optional)


_NOTIFICATIONS = st.one_of(
    _sms("text", textMessageContent=_TEXTS),
    _sms("whatsapp", textMessageContent=_TEXTS),
    _sms("binary", binaryMessageContent=st.lists(_OCTETS, max_size=3) | _OCTETS, userDataHeaderPresent=_FLAGS),
    st.fixed_dictionaries(
        {
            "messageType": st.just("deliveryReport"),
            "notificationId": _IDS,
            "deliveryReportMessageStatus": _STATES,
            "sentOn": st.just(MARK),
        },
        optional={
            "clientMessageId": st.sampled_from(["M1-1", "M1-2", "M9-9"]),
            "transferId": st.sampled_from([MARK, "t1"]),
            "senderAddress": _PHONES,
            "deliveredOn": st.just("2026-10-25T02:30:00.000+01:00"),
            "deliveredAs": st.sampled_from(["sms", "push", "voice"]),
        },
    ),
)
_HUGE = [10**400, "x" * 3000, "9" * 5000]
_ODD = st.sampled_from(
    [None, True, 0, -1.5, float("nan"), float("inf"), "\ud800", "a\x00b", [], {}, [[None]], {"a": 1}, *_HUGE]
)
_DEEP = ["[" * 2000, "<a>" * 2000, '{"a":' * 2000]
_SCARS = ["", "\x00", "\xff", "<", "&", '"', "}", "]]>", "<!DOCTYPE n>", "\\ud800", "NaN", *_DEEP]


@st.composite
def _bodies(draw: st.DrawFn) -> bytes:
    """A notification, with MARK in it; one in two is broken in one place."""
    fields = draw(_NOTIFICATIONS)
    breakage = draw(st.sampled_from(["none", "none", "none", "value", "bytes", "end"]))
    if breakage == "value":
        fields[draw(st.sampled_from(sorted(fields)))] = draw(_ODD)
    body: bytes = draw(st.sampled_from([_json, _json, _xml]))(fields)
    at = draw(st.integers(0, len(body)))
    if breakage == "bytes":
        scar = draw(st.sampled_from(_SCARS)).encode("latin-1")
        body = body[:at] + scar + body[at + draw(st.integers(0, 5)) :]
    return body[:at] if breakage == "end" else body


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=len(fields) % 2 == 0).encode("utf-8", "surrogatepass")


def _xml(fields: dict[str, Any]) -> bytes:
    listed = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in listed)
    return f"<?xml version='1.0'?><notification>{inner}</notification>".encode("utf-8", "surrogatepass")


def _cases() -> list[bytes]:
    found: list[bytes] = []

    @settings(
        max_examples=MANY,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_bodies())
    def collect(body: bytes) -> None:
        found.append(body.replace(MARK.encode(), _mark(len(found)).encode()))

    collect()
    return found


def _mark(number: int) -> str:
    return f"mark{number:06}x"


async def _post_all(port: int, bodies: list[bytes]) -> Counter[tuple[int, bool]]:
    """How often which status came, with 2000 in the answer or without."""
    answers: Counter[tuple[int, bool]] = Counter()
    waiting = iter(bodies)

    async def post(client: aiohttp.ClientSession) -> None:
        for body in waiting:
            async with client.post(f"http://127.0.0.1:{port}/websms/{SECRET}", data=body) as answer:
                answers[answer.status, b"2000" in await answer.read()] += 1

    async with aiohttp.ClientSession() as client:
        await asyncio.gather(*(post(client) for _ in range(AT_ONCE)))
    return answers


async def _rows(spool: SqliteSpool, sql: str) -> list[tuple[Any, ...]]:
    return await spool.writer.run(lambda db: db.execute(sql).fetchall())


async def _kept(spool: SqliteSpool) -> str:
    """All that became of mails and reports, as text in which marks are looked for."""
    said: list[str] = []
    for (payload,) in await _rows(spool, "SELECT payload FROM deliveries WHERE channel = 'mail'"):
        mail = email.message_from_bytes(payload, policy=email.policy.default)
        assert mail.is_multipart() or mail.get_content().strip(), "an empty mail"
        words = mail.get_body(("plain",))
        assert words is not None
        said.append(f"{mail['X-SMS-Notification-Id']}\n{words.get_content()}")
    for table, columns in (("events", "text"), ("orphans", "transfer_id || ' ' || text"), ("notifications", "id")):
        said += [str(row[0]) for row in await _rows(spool, f"SELECT {columns} FROM {table}")]  # noqa: S608  # ours
    return "\n".join(said)


async def _is_kept(spool: SqliteSpool, body: bytes) -> bool:
    """By the reader itself, for what lost its mark: its id is known with just these contents, or its report is."""
    found = notifications.read(body, country="AT")
    if isinstance(found, Report):
        sql = "SELECT 1 FROM events WHERE text = ?1 UNION SELECT 1 FROM orphans WHERE text = ?1"
        text = found.text
        return bool(await spool.writer.run(lambda db: db.execute(sql, (text,)).fetchall()))
    sql = "SELECT 1 FROM notifications n JOIN deliveries d ON d.mail = n.mail WHERE n.id = ? AND n.digest = ?"
    of = (found.notification_id, digest(found))
    return bool(await spool.writer.run(lambda db: db.execute(sql, of).fetchall()))


async def test_of_ten_thousand_notifications_none_is_lost_and_none_crashes(tmp_path: Path) -> None:
    bodies = _cases()
    assert len(bodies) >= MANY
    spool = await open_spool(tmp_path / "s.db")
    await spool.accept(intake(delivery(1, state=State.SENT), delivery(2, state=State.UNKNOWN)))
    provider = Websms(url="http://127.0.0.1:9/rest", token="made-up", country="AT")
    numbers = iter(range(MANY * 2))
    webhook = Webhook(
        provider=lambda: provider,
        spool=spool,
        configuration=configuration,
        clock=lambda: NOW,
        new_id=mail_ids(lambda: NOW, lambda count: Random(next(numbers)).randbytes(count)),
        wake=lambda _: None,
    )
    listener = HttpListener(webhook.app)
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    answers = await _post_all(listener.ports[0], bodies)
    await listener.close()

    assert answers == {(200, True): len(bodies)}
    letters = dict(await _rows(spool, "SELECT body, reason FROM dead_letters"))
    assert [reason for reason in letters.values() if "internal error" in reason] == []
    kept = await _kept(spool)
    lost = [
        body
        for number, body in enumerate(bodies)
        if body not in letters and _mark(number) not in kept and not await _is_kept(spool, body)
    ]
    assert lost == []
    (told,) = await _rows(spool, "SELECT count(*) FROM alerts")
    assert told == (len(letters),)
    # and it was a fair sample
    assert len(letters) > MANY / 20
    for table in ("notifications", "events", "orphans"):
        assert (await _rows(spool, f"SELECT count(*) FROM {table}"))[0][0] > MANY / 50, table  # noqa: S608  # ours
    await spool.close()
    await provider.close()


SMS = IncomingSms(notification_id="n1", phone=PHONE, line=LINE, text="Bin gleich da")


def test_a_digest_is_of_who_says_what() -> None:
    same = [replace(SMS, line=None), replace(SMS, text=" Bin\ngleich  da\n"), replace(SMS, flash=True)]
    assert {digest(one) for one in same} == {digest(SMS)}
    held = Attachment(name="sms.bin", content_type="application/octet-stream", data=b"\x00")
    others = [replace(SMS, phone="1"), replace(SMS, text="bin gleich da"), replace(SMS, attachments=(held,))]
    assert len({digest(one) for one in [SMS, *others]}) == 4
    digest(replace(SMS, text="\ud800"))


@pytest.mark.parametrize(
    ("error", "reason"), [(Unreadable("no text"), "no text"), (KeyError("secret"), "internal error: KeyError")]
)
async def test_what_stops_it_is_put_aside(tmp_path: Path, error: Exception, reason: str) -> None:
    async def taking() -> int:
        raise error

    spool = await open_spool(tmp_path / "s.db")
    for _ in range(2):
        assert await or_put_aside(taking(), b"raw", spool=spool, now=NOW, log=get_logger("test")) is None
    kept = await _rows(spool, "SELECT notification, body, reason FROM dead_letters")
    assert kept == [(hashlib.sha256(b"raw").hexdigest(), b"raw", reason)]
    await spool.close()


async def test_a_store_that_is_away_is_the_senders_business(tmp_path: Path) -> None:
    async def taking() -> int:
        raise StoreUnavailable("away")

    spool = await open_spool(tmp_path / "s.db")
    with pytest.raises(StoreUnavailable):
        await or_put_aside(taking(), b"raw", spool=spool, now=NOW, log=get_logger("test"))
    assert await _rows(spool, "SELECT 1 FROM dead_letters") == []
    await spool.close()
