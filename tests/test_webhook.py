"""The front door for SMS and reports: a real server, the real spool, the real reader of websms's notifications."""

import asyncio
import base64
import email
import email.policy
import json
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import apsw
import pytest

from bridge import binary, normalize, threads
from bridge.config import Configuration, Endpoint, WebhookSettings
from bridge.ids import mail_ids
from bridge.listeners import HttpListener
from bridge.message import Channel, Delivery, ReportState, State
from bridge.providers.websms import Websms
from bridge.spool import CONVERSATION_FOR, Conversation, Step, sqlite
from bridge.spool.sqlite import SqliteSpool, open_spool
from bridge.webhook import MAX_BODY, Webhook
from tests.given import ANNA, KEY, LINE, OWNED_LINE, SECRET, configuration
from tests.make import NOW, PHONE, delivery, intake
from tests.wait import PATIENCE, until, until_async

OK = (200, {"statusCode": 2000, "statusMessage": "ok"})


def sms(**changes: object) -> dict[str, object]:
    made: dict[str, object] = {
        "messageType": "text",
        "notificationId": "n1",
        "senderAddress": PHONE,
        "senderAddressType": "international",
        "recipientAddress": LINE,
        "recipientAddressType": "international",
        "textMessageContent": "Bin gleich da. Grüße",
        "messageFlashSms": False,
    }
    return {key: value for key, value in {**made, **changes}.items() if value is not None}


def report(status: str = "delivered", **changes: object) -> dict[str, object]:
    made: dict[str, object] = {
        "messageType": "deliveryReport",
        "notificationId": "r1",
        "deliveryReportMessageStatus": status,
        "clientMessageId": "M1-1",
        "senderAddress": PHONE,
    }
    return {**made, **changes}


@dataclass
class Rig:
    spool: SqliteSpool
    path: Path
    now: float = NOW
    port: int = 0
    configuration: Configuration = field(default_factory=configuration)
    woken: list[Channel] = field(default_factory=list)
    random: int = 0
    provider: Websms = field(default_factory=lambda: Websms(url="http://127.0.0.1:9/rest", token="made-up"))

    def random_bytes(self, count: int) -> bytes:
        self.random += 1
        return Random(self.random).randbytes(count)

    async def post(
        self,
        body: object = None,
        path: str = f"/websms/{SECRET}",
        *,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        raw: bool = False,
    ) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with aiohttp.ClientSession() as client:
            url = f"http://127.0.0.1:{self.port}{path}"
            async with client.request(method, url, data=data, headers=headers or {}) as answer:
                text = await answer.text()
                is_json = answer.content_type == "application/json" and not raw
                return answer.status, json.loads(text) if is_json else text

    async def mails(self) -> list[tuple[Delivery, EmailMessage]]:
        return [
            (item, email.message_from_bytes(item.payload, policy=email.policy.default))
            for item in await self.spool.listing(None, 999)
            if item.channel is Channel.MAIL
        ]

    async def letters(self) -> Sequence[Sequence[Any]]:
        return await self.spool.writer.run(lambda db: db.execute("SELECT body, reason FROM dead_letters").fetchall())


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    path = tmp_path / "s.db"
    made = Rig(await open_spool(path), path)
    webhook = Webhook(
        provider=lambda: made.provider,
        spool=made.spool,
        configuration=lambda: made.configuration,
        clock=lambda: made.now,
        new_id=mail_ids(lambda: made.now, made.random_bytes),
        wake=made.woken.append,
    )
    listener = HttpListener(webhook.app)
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    made.port = listener.ports[0]
    yield made
    await listener.close()
    await made.spool.close()
    await made.provider.close()


def basic(user: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}


async def test_an_sms_becomes_a_mail_and_then_comes_2000(rig: Rig) -> None:
    assert await rig.post(sms()) == OK
    ((item, mail),) = await rig.mails()
    assert item.recipient == "anna@example.com"
    assert mail["X-SMS-Delivered-Because"] == "phone"
    assert mail.get_content().strip() == "Bin gleich da. Grüße"
    assert mail["From"].addresses[0].display_name == "Anna"
    assert mail["From"].addresses[0].addr_spec == "anna@sms.example.com"
    assert item.sender == f"bounce+{threads.bounce_token(KEY, item.id, NOW)}@sms.example.com"
    assert rig.woken == [Channel.MAIL]


async def test_its_reply_token_is_for_that_mailbox_phone_and_line(rig: Rig) -> None:
    await rig.post(sms())
    ((_, mail),) = await rig.mails()
    local = mail["Reply-To"].addresses[0].username
    answer = threads.read_token([KEY], local.removeprefix("r+"), "anna@example.com", NOW)
    assert answer == threads.Answer(phone=PHONE, line=LINE)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (f"/websms/{SECRET}", {}, 200),
        ("/websms/the-next-secret", {}, 200),
        ("/websms", basic("websms", SECRET), 200),
        ("/websms", basic("websms", "the-next-secret"), 200),
        (f"/websms/{SECRET}x", {}, 404),
        (f"/websms/{SECRET[:-1]}", {}, 404),
        (f"/websms/{SECRET}/", {}, 404),
        ("/websms/", {}, 404),
        ("/websms/wrong", basic("websms", SECRET), 404),
        ("/websms/%C3%BC", {}, 404),
        ("/websms/%FF", {}, 404),
        ("/websms/%00", {}, 404),
        ("/", {}, 404),
        ("/healthz", {}, 404),
        ("/websms", {}, 401),
        ("/websms", basic("websms", "wrong"), 401),
        ("/websms", basic("websms", ""), 401),
        ("/websms", basic("WEBSMS", SECRET), 401),
        ("/websms", basic("", SECRET), 401),
        ("/websms", {"Authorization": f"Bearer {SECRET}"}, 401),
        ("/websms", {"Authorization": "Basic !!!"}, 401),
        ("/websms", {"Authorization": "Basic"}, 401),
        ("/websms", {"Authorization": "Basic w7w="}, 401),
    ],
)
async def test_who_may_speak(rig: Rig, path: str, headers: dict[str, str], status: int) -> None:
    found, answer = await rig.post(sms(), path, headers=headers)
    assert found == status
    assert len(await rig.mails()) == (status == 200)
    if status == 401:
        assert answer["statusCode"] == 4001
    assert SECRET not in str(answer)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_only_post(rig: Rig, method: str) -> None:
    assert (await rig.post(sms(), method=method))[0] == 405
    assert (await rig.post(sms(), "/websms/wrong", method=method))[0] == 404  # whose secret is wrong learns nothing
    assert await rig.mails() == []


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "deflate", "GZIP", "x"])
async def test_no_encodings(rig: Rig, encoding: str) -> None:
    assert (await rig.post(b"\x1f\x8b", headers={"Content-Encoding": encoding}))[0] == 415
    assert await rig.letters() == []


async def test_up_to_256_kib_and_not_more(rig: Rig) -> None:
    assert MAX_BODY == 256 * 1024
    small = json.dumps(sms(pad="")).encode()
    full = json.dumps(sms(pad="x" * (MAX_BODY - len(small)))).encode()
    assert len(full) == MAX_BODY
    assert await rig.post(full) == OK
    assert (await rig.post(full + b" "))[0] == 413
    assert len(await rig.mails()) == 1


async def test_too_much_without_a_length_is_refused_too(rig: Rig) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"x" * 40_000

    async with aiohttp.ClientSession() as client:
        try:
            async with client.post(f"http://127.0.0.1:{rig.port}/websms/{SECRET}", data=endless()) as answer:
                assert answer.status == 413
        except aiohttp.ClientConnectionError:
            pass  # it was told and the rest was not read
    assert await rig.letters() == []


async def test_only_from_the_configured_networks(rig: Rig) -> None:
    rig.configuration = configuration(webhook=WebhookSettings(networks=(ip_network("192.0.2.0/24"),)))
    assert (await rig.post(sms()))[0] == 404
    rig.configuration = configuration(webhook=WebhookSettings(networks=(ip_network("127.0.0.0/8"),)))
    assert (await rig.post(sms()))[0] == 200


@pytest.mark.parametrize("kind", ["application/json", "text/xml", "application/x-www-form-urlencoded", "nonsense", ""])
async def test_whatever_its_content_type_says(rig: Rig, kind: str) -> None:
    assert await rig.post(sms(), headers={"Content-Type": kind}) == OK
    assert len(await rig.mails()) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"a=b&c=d",
        b'{"messageType":"binary","notificationId":"n"}',
        b'{"messageType":"text","notificationId":"n"}',
        b'{"messageType":"deliveryReport","notificationId":"n","deliveryReportMessageStatus":"new","transferId":"t"}',
        b"[" * 100_000,
        b'{"a":NaN}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"<",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>",
    ],
)
async def test_what_cannot_be_read_is_kept_and_answered_2000(rig: Rig, body: bytes) -> None:
    for _ in range(2):
        status, answer = await rig.post(body)
        assert status == 200
        assert "2000" in str(answer)
    letters = await rig.letters()
    assert [letter[0] for letter in letters] == [body]
    assert len(await rig.spool.alerts(9)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"recipientAddress": "ALERT", "recipientAddressType": "alphanumeric"},
        {"recipientAddress": "4" * 60},
        {"recipientAddress": "4" * 30},
        {"recipientAddress": "Firma"},
        {"recipientAddress": "AB123"},
        {"recipientAddress": "0abc"},
        {"recipientAddress": "0abc", "recipientAddressType": "national"},
        {"recipientAddress": "+"},
        {"recipientAddress": None, "recipientAddressType": None},
        {"recipientAddress": "0660 0000099", "recipientAddressType": "national"},
        {"recipientAddress": "12345", "recipientAddressType": "shortcode"},
        {"recipientAddress": "0800 1"},
        {"senderAddress": "ALERT", "senderAddressType": "alphanumeric"},
        {"senderAddress": "4" * 60},
        {"senderAddress": "4" * 20},
        {"senderAddress": "4" * 30},
        {"senderAddress": "4" * 64},
        {"senderAddress": "06600000001", "senderAddressType": "national"},
        {"senderAddress": "0"},
        {"senderAddress": "+43 660 0000001"},
        {"senderAddress": "12345"},
        {"senderAddress": "x@y\r\nBcc: z <"},
        {"senderAddress": "\ud800\x00"},
        {"textMessageContent": ""},
        {"textMessageContent": "\ud800\x00\x1b[31m\u2028" * 1000},
        {"notificationId": None},
        {"notificationId": "x" * 5000},
        {"notificationId": "\ud800"},
        {"notificationId": 12345678901234567890},
    ],
    ids=str,
)
async def test_an_odd_sms_is_still_somebodys_sms(rig: Rig, changes: dict[str, object]) -> None:
    """Answered 2000 and in a mailbox: else websms repeats it until it dies."""
    assert await rig.post(sms(**changes)) == OK
    ((item, mail),) = await rig.mails()
    assert item.recipient
    assert not mail["Bcc"]
    assert len(mail["From"].addresses) == 1
    if mail["Reply-To"] is not None:
        local = mail["Reply-To"].addresses[0].username
        answer = threads.read_token([KEY], local.removeprefix("r+"), item.recipient, NOW)
        assert answer is not None
        given = str(changes.get("senderAddress", PHONE)).replace(" ", "").removeprefix("+")
        assert answer.phone == given  # never a phone that did not write


@pytest.mark.parametrize("author", ['"anna b"@example.org', "jörg@example.org", '"a,b>"@example.org', "a@[192.0.2.1]"])
async def test_the_answer_to_an_oddly_spelt_author_is_not_lost(rig: Rig, author: str) -> None:
    talk = Conversation(phone=PHONE, line=LINE, author=author, expires_at=NOW + 9)
    await rig.spool.accept(intake(delivery(), conversations=[talk]))
    assert await rig.post(sms()) == OK
    ((item, _),) = await rig.mails()
    assert item.recipient == author


async def test_a_repeated_notification_makes_no_second_mail(rig: Rig) -> None:
    answers = await asyncio.gather(*(rig.post(sms()) for _ in range(50)))
    assert answers == [OK] * 50
    assert len(await rig.mails()) == 1
    ((item, _),) = await rig.mails()
    await rig.spool.move([Step(id=item.id, to=State.DROPPED, event="dropped")], NOW)
    rig.now += 3 * 86400
    assert await rig.post(sms()) == OK
    assert await rig.mails() == []
    assert rig.woken == [Channel.MAIL]


async def test_row_98_the_same_id_with_other_content(rig: Rig) -> None:
    """The first is kept, the second is put aside for the operator, who is told once; and nobody is told to repeat."""
    assert await rig.post(sms()) == OK
    assert await rig.post(sms(textMessageContent=" Bin gleich  da. Grüße\n", messageFlashSms=None)) == OK  # the same
    assert await rig.letters() == []
    other = json.dumps(sms(textMessageContent="another text under the same id")).encode()
    for _ in range(3):
        assert await rig.post(other) == OK
    ((_, mail),) = await rig.mails()
    assert mail.get_content().strip() == "Bin gleich da. Grüße"
    assert [tuple(letter) for letter in await rig.letters()] == [(other, "its id came before with other contents: n1")]
    (alert,) = await rig.spool.alerts(9)
    assert "other contents: n1" in alert.text
    assert await rig.post(sms(senderAddress="436600000002")) == OK
    assert len(await rig.letters()) == 2


async def test_equal_texts_are_not_repeats(rig: Rig) -> None:
    for number in range(3):
        await rig.post(sms(notificationId=f"n{number}"))
    assert len(await rig.mails()) == 3


async def test_a_locked_store_is_503_with_a_code_that_makes_websms_repeat(rig: Rig) -> None:
    other = apsw.Connection(str(rig.path))
    other.execute("BEGIN EXCLUSIVE")
    for body in (sms(), report(), b"{"):
        status, answer = await rig.post(body)
        assert (status, answer["statusCode"] // 1000) == (503, 5)
    other.execute("ROLLBACK")
    other.close()
    assert await rig.post(sms()) == OK
    assert len(await rig.mails()) == 1


async def test_a_closed_store_is_503(rig: Rig) -> None:
    await rig.spool.close()
    for body in (sms(), report(), b"{"):
        assert (await rig.post(body))[0] == 503


async def test_a_mistake_of_ours_is_kept_for_a_person_and_not_repeated(rig: Rig) -> None:
    rig.configuration = replace(rig.configuration, keys=())  # cannot be: made so that our code raises
    assert await rig.post(sms()) == OK
    assert await rig.mails() == []
    (alert,) = await rig.spool.alerts(9)
    assert "internal error: IndexError" in alert.text


async def test_xml_in_xml_out(rig: Rig) -> None:
    xml = "".join(f"<{key}>{value}</{key}>" for key, value in sms().items())
    status, answer = await rig.post(f"<?xml version='1.0'?><n:text xmlns:n='x'>{xml}</n:text>".encode(), raw=True)
    assert status == 200
    assert answer.startswith("<?xml")
    assert "<statusCode>2000</statusCode>" in answer
    assert len(await rig.mails()) == 1
    await rig.spool.close()
    status, answer = await rig.post(b"<x/>", raw=True)
    assert status == 503
    assert "<statusCode>5" in answer


async def test_the_root_of_answers_in_xml_is_configured(rig: Rig) -> None:
    rig.provider = Websms(url="http://127.0.0.1:9/rest", token="made-up", country="AT", xml_root="notifyAnswer")
    _, answer = await rig.post(b"<n/>", raw=True)
    assert answer.endswith(
        "<notifyAnswer><statusCode>2000</statusCode><statusMessage>ok</statusMessage></notifyAnswer>"
    )


@pytest.mark.parametrize("xml", [False, True])
async def test_a_binary_sms_becomes_a_mail_with_what_it_held(rig: Rig, xml: bool) -> None:
    card = b"BEGIN:VCARD\r\nN:Muster;Anna\r\nNOTE:" + b"x" * 200 + b"\r\nEND:VCARD\r\n"
    parts = [base64.urlsafe_b64encode(part).decode().rstrip("=") for part in binary.segments(card, port=binary.VCARD)]
    assert len(parts) == 2
    fields = sms(messageType="binary", textMessageContent=None, userDataHeaderPresent="true")
    if xml:
        written = "".join(f"<{key}>{value}</{key}>" for key, value in fields.items())
        listed = "".join(f"<binaryMessageContent>{part}</binaryMessageContent>" for part in parts[::-1])
        status, answer = await rig.post(f"<notification>{written}{listed}</notification>".encode(), raw=True)
        assert (status, "<statusCode>2000</statusCode>" in answer) == (200, True)
    else:
        assert await rig.post(fields | {"binaryMessageContent": parts[::-1]}) == OK
    ((_, mail),) = await rig.mails()
    words, attached = mail.iter_parts()
    assert "contact.vcf" in words.get_content()
    assert (attached.get_content_type(), attached.get_payload(decode=True)) == ("text/vcard", card)
    assert mail["X-SMS-Type"] == "binary"


async def test_a_type_nobody_knows_is_relayed_when_it_brings_a_text(rig: Rig) -> None:
    assert await rig.post(sms(messageType="whatsapp")) == OK
    ((_, mail),) = await rig.mails()
    assert (mail["X-SMS-Type"], mail.get_content().strip()) == ("whatsapp", "Bin gleich da. Grüße")
    assert await rig.post(sms(messageType="rcs", notificationId="n2", textMessageContent=None)) == OK
    assert len(await rig.letters()) == 1


async def test_the_readers_language_is_that_of_the_row(rig: Rig) -> None:
    rig.configuration = configuration(rows=[replace(ANNA, language="de")])
    await rig.post(sms(textMessageContent=""))
    ((_, mail),) = await rig.mails()
    assert mail.get_content().strip() == "(Die SMS ist leer.)"


FORMS: dict[str, list[tuple[object, str | None]]] = {
    "436600000099": [
        ("436600000099", "international"),
        ("+43 660 0000099", "international"),
        ("00436600000099", None),
        ("06600000099", "national"),
        ("0660 0000099", None),
    ],
    "43828270000001": [("0828270000001", "national"), ("43828270000001", "international")],
    "43999000001": [("0999000001", "national"), ("43999000001", "international")],  # in no numbering plan
    "828282": [("828282", "shortcode"), ("828282", "national"), ("828282", None), (828282, "shortcode")],
}
WRITTEN = {
    "436600000099": ["+43 660 0000099", "0660 0000099", "436600000099"],
    "43828270000001": ["+43 828 270000001", "0828 270000001"],
    "43999000001": ["+43 999 000001", "0999 000001"],
    "828282": ["828282"],
}


@pytest.mark.parametrize("line", FORMS)
async def test_every_form_of_our_own_number_finds_the_same_row(rig: Rig, line: str) -> None:
    for spelt in WRITTEN[line]:
        known = normalize.line(spelt, "AT")  # as routes.toml is read
        row = replace(OWNED_LINE, name=known, line=known, mailbox=f"{line}@example.com")
        rig.configuration = configuration(rows=[row])
        for address, kind in FORMS[line]:
            name = f"{spelt} {address!r} {kind}"
            body = sms(
                notificationId=name, recipientAddress=address, recipientAddressType=kind, senderAddress="436600000055"
            )
            assert await rig.post(body) == OK
            item, mail = (await rig.mails())[-1]
            assert mail["X-SMS-Notification-Id"] == name
            assert (item.recipient, mail["X-SMS-Delivered-Because"]) == (f"{line}@example.com", "line"), name


@pytest.mark.parametrize("state", list(ReportState))
async def test_what_a_report_says_of_how_and_when_is_kept(rig: Rig, state: ReportState) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENT)))
    times = {"sentOn": "2026-10-25T02:59:59.999+02:00", "deliveredOn": "2026-10-25T02:00:00.000+01:00"}
    body = report(state.value, deliveredAs="failover-sms", **times)
    for _ in range(3):
        assert await rig.post(body) == OK
    ((_, events),) = await rig.spool.show("M1-1")
    (found,) = [event for event in events if event.event == "report"]
    assert found.code == state.value
    assert found.text == (
        f"deliveryReportMessageStatus={state.value} deliveredAs=failover-sms "
        f"sentOn={times['sentOn']} deliveredOn={times['deliveredOn']}"
    )


async def test_row_106_reports_early_late_reordered_repeated_and_contradictory(rig: Rig) -> None:
    async def says(number: int, status: str, **changes: object) -> State:
        assert await rig.post(report(status, notificationId=f"r{number}", **changes)) == OK
        return (await rig.spool.show("M1-1"))[0][0].state

    await rig.spool.accept(intake(delivery(state=State.SENDING)))
    early: dict[str, object] = {"clientMessageId": None, "transferId": "t1"}
    assert await says(1, "undelivered", **early) is State.SENDING  # nobody knows yet whose that is
    await rig.spool.move([Step(id="M1-1", to=State.SENT, event="sent", transfer_id="t1")], NOW)
    ((_, events),) = await rig.spool.show("M1-1")
    assert [event.code for event in events if event.event == "report"] == ["undelivered"]
    assert await says(2, "expired") is State.FAILED
    assert await says(3, "accepted") is State.FAILED  # late: state only moves forward
    assert await says(4, "delivered") is State.DELIVERED  # and this corrects
    assert await says(5, "rejected") is State.DELIVERED
    assert await says(4, "delivered") is State.DELIVERED
    ((_, events),) = await rig.spool.show("M1-1")
    assert [event.code for event in events if event.event == "report"] == [
        "undelivered", "expired", "accepted", "delivered", "rejected",
    ]  # fmt: skip
    assert await says(6, "delivered", clientMessageId=None) is State.DELIVERED  # it names nobody: for the operator
    assert len(await rig.letters()) == 1


async def test_a_report_settles_its_delivery(rig: Rig) -> None:
    await rig.spool.accept(intake(delivery(state=State.SENT)))
    assert await rig.post(report()) == OK
    ((found, _),) = await rig.spool.show("M1-1")
    assert found.state is State.DELIVERED
    assert await rig.post(report(clientMessageId="not ours")) == OK  # and nobody is told to repeat for nothing


async def test_an_answer_reaches_who_wrote_and_keeps_the_conversation_open(rig: Rig) -> None:
    async def reach(number: int, **changes: object) -> tuple[str, str]:
        assert await rig.post(sms(notificationId=f"w{number}", **changes)) == OK
        item, mail = (await rig.mails())[-1]
        return item.recipient, mail["X-SMS-Delivered-Because"]

    talk = Conversation(
        phone=PHONE, line=LINE, author="bernd@example.org", message_id="<m@example.org>", expires_at=NOW + 9
    )
    await rig.spool.accept(intake(delivery(), conversations=[talk]))
    assert await reach(4) == ("bernd@example.org", "conversation")
    assert (await rig.mails())[-1][1]["In-Reply-To"] == "<m@example.org>"
    assert await reach(5, recipientAddress="436600000077") == ("anna@example.com", "phone")
    rig.now += CONVERSATION_FOR - 1  # it slid with the phone's message
    assert await reach(6) == ("bernd@example.org", "conversation")
    rig.now += CONVERSATION_FOR + 1
    assert await reach(7) == ("anna@example.com", "phone")


async def test_a_peer_that_hangs_up_in_mid_commit_loses_nothing(rig: Rig) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def wait(_: apsw.Connection) -> None:
        entered.set()
        assert go_on.wait(PATIENCE)

    waiting = asyncio.create_task(rig.spool.writer.run(wait))  # so that the commit is surely still to come
    assert await asyncio.to_thread(entered.wait, PATIENCE)
    body = json.dumps(sms()).encode()
    head = f"POST /websms/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write(head + body)
    await writer.drain()
    await until(lambda: bool(rig.spool.writer._waiting), "its commit waits")
    writer.transport.abort()
    await asyncio.sleep(0.05)
    go_on.set()
    await waiting

    async def kept() -> bool:
        return len(await rig.mails()) == 1

    await until_async(kept)
    assert await rig.post(sms()) == OK  # it comes again, since nobody heard the 2000
    assert await kept()


@pytest.mark.parametrize("part", [0, 10, 40, 60, 120])
async def test_a_peer_that_hangs_up_in_mid_request_leaves_nothing_behind(rig: Rig, part: int) -> None:
    body = json.dumps(sms()).encode()
    head = f"POST /websms/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    writer.write((head + body)[: part + 1])
    await writer.drain()
    writer.transport.abort()
    await asyncio.sleep(0.02)
    assert await rig.post(sms(notificationId="n2")) == OK
    assert len(await rig.mails()) == 1
    assert await rig.letters() == []
