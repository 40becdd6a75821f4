"""What websms tells us, in every shape seen or feared."""

import json
from contextlib import suppress
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.message import Attachment, IncomingSms, Report, ReportState, Unreadable
from bridge.providers import Outcome
from bridge.providers.websms.notifications import answer, read

TEXT: dict[str, object] = {
    "messageType": "text",
    "notificationId": "03a1b2c68f1a2b3d4e5f",
    "senderAddress": "436600000001",
    "senderAddressType": "international",
    "recipientAddress": "0828270000001",
    "recipientAddressType": "national",
    "textMessageContent": "Bin unterwegs <10 min>",
}
REPORT: dict[str, object] = {
    "messageType": "deliveryReport",
    "notificationId": "5280675300000000001",
    "transferId": "0068f1a2b3000a1b2c3d",
    "senderAddress": "436600000001",
    "deliveryReportMessageStatus": "delivered",
    "sentOn": "2025-10-17T09:00:03.000+02:00",
    "deliveredOn": "2025-10-17T09:00:05.000+02:00",
    "deliveredAs": "sms",
    "clientMessageId": "m1-1",
}


def in_json(fields: dict[str, object], **changes: object) -> bytes:
    return json.dumps({key: value for key, value in (fields | changes).items() if value is not ...}).encode()


def in_xml(fields: dict[str, object], root: str = "notification") -> bytes:
    element = ET.Element(root)
    for name, value in fields.items():
        ET.SubElement(element, name).text = str(value)
    return b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + ET.tostring(element)


def sms(body: bytes) -> IncomingSms:
    found = read(body, country="AT")
    assert isinstance(found, IncomingSms)
    return found


def report(body: bytes) -> Report:
    found = read(body, country="AT")
    assert isinstance(found, Report)
    return found


BINARY: dict[str, object] = {
    "messageType": "binary",
    "notificationId": "03a1b2c68f1a2b4d4e60",
    "messageFlashSms": False,
    "senderAddress": "436600000001",
    "senderAddressType": "international",
    "recipientAddress": "436600000099",
    "recipientAddressType": "international",
    "userDataHeaderPresent": True,
    "binaryMessageContent": ["BQADKgICd29ybGQ=", "BQADKgIBSGVsbG8g"],
}
SMS = IncomingSms(
    notification_id="03a1b2c68f1a2b3d4e5f",
    phone="436600000001",
    line="43828270000001",
    text="Bin unterwegs <10 min>",
)


@pytest.mark.parametrize(
    "body",
    [
        in_json(TEXT),
        b"\xef\xbb\xbf \r\n\t" + in_json(TEXT),
        json.dumps(TEXT, indent=1).replace("<", "\\u003c").replace(">", "\\u003e").encode(),
        json.dumps(TEXT).encode("utf-16"),
        in_xml(TEXT),
        b"\xef\xbb\xbf" + in_xml(TEXT),
        b"\n " + in_xml(TEXT).partition(b"\n")[2],
        b"\n" * 2000 + in_xml(TEXT).partition(b"\n")[2],
        in_xml({name: value if name == "textMessageContent" else f"\n  {value}\t" for name, value in TEXT.items()}),
        in_xml(TEXT, root="anything"),
        in_xml({f"ns2:{name}": value for name, value in TEXT.items()}, root="ns2:n"),
    ],
    ids=[
        "json",
        "bom",
        "gson",
        "utf-16",
        "xml",
        "xml-bom",
        "xml-no-prolog",
        "xml-far",
        "xml-pretty",
        "xml-root",
        "xml-prefix",
    ],
)
def test_one_sms_in_many_shapes(body: bytes) -> None:
    found = sms(body)
    assert (found.notification_id, found.phone, found.text) == (SMS.notification_id, SMS.phone, SMS.text)
    assert found.line is not None
    assert found.line.endswith("828270000001")
    assert not found.flash


def test_a_report() -> None:
    expected = Report(
        notification_id="5280675300000000001",
        state=ReportState.DELIVERED,
        client_message_id="m1-1",
        transfer_id="0068f1a2b3000a1b2c3d",
        phone="436600000001",
        text="deliveryReportMessageStatus=delivered deliveredAs=sms sentOn=2025-10-17T09:00:03.000+02:00"
        " deliveredOn=2025-10-17T09:00:05.000+02:00",
    )
    assert report(in_json(REPORT)) == expected
    assert report(in_xml(REPORT)) == expected


@pytest.mark.parametrize("state", list(ReportState))
def test_each_state_of_a_report(state: ReportState) -> None:
    assert report(in_json(REPORT, deliveryReportMessageStatus=state.value)).state is state


def test_the_least_a_report_can_hold() -> None:
    least = {"messageType": "deliveryReport", "deliveryReportMessageStatus": "expired", "transferId": "00ab"}
    found = report(json.dumps(least).encode())
    assert (found.state, found.transfer_id, found.client_message_id) == (ReportState.EXPIRED, "00ab", None)
    assert found.phone is None
    assert found.notification_id.startswith("sha256-")


@pytest.mark.parametrize(
    ("address", "kind", "line"),
    [
        ("436609988776", "international", "436609988776"),
        ("+43 660 9988776", "international", "436609988776"),
        ("436609988776", ..., "436609988776"),
        (436609988776, "international", "436609988776"),
        ("06609988776", "national", "436609988776"),
        ("0660 9988776", ..., "436609988776"),
        ("800100", "shortcode", "800100"),
        ("0828270000001", "national", "43828270000001"),
        ("43828270000001", "international", "43828270000001"),
        ("+43999000001", ..., "43999000001"),
        ("0999000001", "national", "43999000001"),  # not valid in any numbering plan, and still one line
        ("43999000001", "international", "43999000001"),
        (..., ..., None),
        (None, None, None),
        ("", "international", None),
        ("abc", "national", "abc"),
        ("abc", "international", "abc"),
    ],
)
def test_our_line(address: object, kind: object, line: str | None) -> None:
    assert sms(in_json(TEXT, recipientAddress=address, recipientAddressType=kind)).line == line


@pytest.mark.parametrize(
    ("address", "phone"),
    [
        ("436600000001", "436600000001"),
        ("+43 660 0000001", "436600000001"),
        ("00436600000001", "436600000001"),
        (436600000001, "436600000001"),
        ("Bank", "Bank"),
        ("A1\r\nBcc: x", "A1 Bcc: x"),
    ],
)
def test_the_phone(address: object, phone: str) -> None:
    assert sms(in_json(TEXT, senderAddress=address)).phone == phone


@pytest.mark.parametrize("encoded", [["AP_-", "AA=="], ["AP/+AA=="], "AP/+AA", [" AP_-\r\n", "AA"]], ids=str)
def test_octets_in_every_spelling_of_base64(encoded: object) -> None:
    found = sms(in_json(BINARY, binaryMessageContent=encoded, userDataHeaderPresent=...))
    assert found.attachments == (
        Attachment(name="sms.bin", content_type="application/octet-stream", data=b"\x00\xff\xfe\x00"),
    )
    assert (found.text, found.kind) == ("", "binary")


@pytest.mark.parametrize("header", [True, "true"])
def test_segments_are_put_together_by_their_headers(header: object) -> None:
    assert sms(in_json(BINARY, userDataHeaderPresent=header)).text == "Hello world"


@pytest.mark.parametrize("content", [..., None, [], "", [None], [""]], ids=str)
def test_an_sms_without_content_is_an_empty_one(content: object) -> None:
    found = sms(in_json(BINARY, binaryMessageContent=content))
    assert (found.text, found.attachments, found.kind) == ("", (), "binary")
    if not isinstance(content, list):
        assert sms(in_json(TEXT, textMessageContent=content)).text == ""


@pytest.mark.parametrize(
    ("bad", "kept"),
    [("QUI*", b"QUI*"), ({"a": "b"}, b'{"a": "b"}'), ("\ud800", b"\\ud800"), (True, b"true"), (None, b"null")],
)
def test_one_bad_element_does_not_cost_the_others(bad: object, kept: bytes) -> None:
    found = sms(in_json(BINARY, binaryMessageContent=["SGFsbG8=", bad], userDataHeaderPresent=False))
    assert found.text == "Hallo\n[1 of 2 parts unreadable, attached as received]"
    assert found.attachments == (Attachment(name="element-2.txt", content_type="text/plain; charset=utf-8", data=kept),)


def test_blanks_around_the_type_of_a_report() -> None:
    spelt = {"messageType": "\n deliveryReport ", "deliveryReportMessageStatus": " delivered\n"}
    for body in (in_json(REPORT | spelt), in_xml(REPORT | spelt)):
        assert report(body).client_message_id == "m1-1"


def test_blanks_around_a_text_in_xml_are_the_phones() -> None:
    assert sms(in_xml(TEXT | {"textMessageContent": " a "})).text == " a "


def test_an_answer_to_xml_behind_many_blanks_is_xml() -> None:
    assert answer("ok", b" " * 5000 + in_xml(TEXT), xml_root="n")[1].startswith("application/xml")


def test_a_binary_sms_in_xml() -> None:
    fields = {name: value for name, value in BINARY.items() if name != "binaryMessageContent"}
    assert isinstance(BINARY["binaryMessageContent"], list)
    elements = "".join(f"<binaryMessageContent>{one}</binaryMessageContent>" for one in BINARY["binaryMessageContent"])
    body = in_xml(fields | {"userDataHeaderPresent": "true"}).replace(
        b"</notification>", f"{elements}</notification>".encode()
    )
    assert sms(body) == sms(in_json(BINARY))
    assert sms(body).text == "Hello world"


@pytest.mark.parametrize("kind", ["whatsapp", "rcs", "TEXT"])
def test_a_type_nobody_knows_is_relayed_when_it_brings_a_text(kind: str) -> None:
    for body in (in_json(TEXT, messageType=kind), in_xml(TEXT | {"messageType": kind})):
        found = sms(body)
        assert (found.kind, found.text, found.phone) == (kind, SMS.text, SMS.phone)
    assert sms(in_json(TEXT)).kind == "text"


@pytest.mark.parametrize(
    ("value", "flash"),
    [
        (True, True),
        ("true", True),
        (" true", True),
        ("1", True),
        (1, True),
        (False, False),
        ("false", False),
        ("0", False),
        (0, False),
        (..., False),
        (None, False),
        ([True], False),
    ],
)
def test_flash(value: object, flash: bool) -> None:
    assert sms(in_json(TEXT, messageFlashSms=value)).flash is flash


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a\x00b\x07c\x1b[31md\x7fe\x85f", "abc[31mdef"),
        ("a\r\nb\rc\nd\te", "a\nb\nc\nd\te"),
        ("\ud800 \udfff\ud800", "\ufffd \ufffd\ufffd"),
        ("😀 €äß", "😀 €äß"),
        ("", ""),
        ("<!DOCTYPE x>", "<!DOCTYPE x>"),
    ],
)
def test_text_is_made_storable(written: str, text: str) -> None:
    found = sms(in_json(TEXT, textMessageContent=written)).text
    assert found == text
    found.encode()


def test_a_surrogate_pair_written_as_escapes_is_one_character() -> None:
    assert sms(in_json(TEXT).replace(b"unterwegs", b"\\ud83d\\ude00")).text == "Bin 😀 <10 min>"


def test_cdata_and_character_references_are_text() -> None:
    body = in_xml(TEXT).replace(b"Bin unterwegs &lt;10 min&gt;", b"<![CDATA[<!DOCTYPE & co>]]> &#8364; &amp;lt;")
    assert sms(body).text == "<!DOCTYPE & co> € &lt;"


def test_a_declared_encoding_is_honoured() -> None:
    body = '<?xml version="1.0" encoding="ISO-8859-1"?>' + in_xml(TEXT).decode().partition("\n")[2].replace(
        "unterwegs", "größer"
    )
    assert "größer" in sms(body.encode("latin-1")).text


@pytest.mark.parametrize("value", ["5280675300000000001", 5280675300000000001])
def test_an_id_may_be_a_number(value: object) -> None:
    assert sms(in_json(TEXT, notificationId=value)).notification_id == "5280675300000000001"


@pytest.mark.parametrize("value", [..., None, "", "  ", True, {"a": 1}])
def test_a_missing_id_is_made_of_the_body(value: object) -> None:
    body = in_json(TEXT, notificationId=value)
    found = sms(body).notification_id
    assert found.startswith("sha256-")
    assert len(found) == 71
    assert found == sms(body).notification_id
    assert found != sms(in_json(TEXT, notificationId=value, textMessageContent="another")).notification_id


@pytest.mark.parametrize("value", ["x" * 101, "a\r\nb", "größe", "\ud800", "a\x00b"])
def test_an_id_nobody_wants_to_store_keeps_its_identity(value: str) -> None:
    first = sms(in_json(TEXT, notificationId=value)).notification_id
    assert first.startswith("sha256-")
    assert sms(in_json(TEXT, notificationId=value, textMessageContent="another")).notification_id == first
    assert sms(in_json(TEXT, notificationId=value + "y")).notification_id != first


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "JSON"),
        (b"\x00\x01\x02", "JSON"),
        (b"\xff\xff", "UTF-8"),
        (b"messageType=text&x=y", "JSON"),
        (b"[]", "object"),
        (b'"text"', "object"),
        (b"null", "object"),
        (b"{}", "messageType"),
        (b"[" * 200_000, "deep"),
        (b'{"a":' * 100_000, "deep"),
        (in_json(TEXT)[:-5], "JSON"),
        (in_json(TEXT) + b"x", "JSON"),
        (in_json(TEXT).replace(b'"text"', b"NaN"), "NaN"),
        (in_json(TEXT).replace(b"{", b'{"messageType":"text",', 1), "twice"),
        (in_json(BINARY, binaryMessageContent=["QUI*"]), "no base64"),
        (in_json(BINARY, binaryMessageContent=["QUJDR"]), "no base64"),
        (in_json(BINARY, binaryMessageContent={"a": "b"}), "no base64"),
        (in_json(TEXT, messageType="whatsapp", textMessageContent=...), "whatsapp"),
        (in_json(BINARY, messageType="mms"), "mms"),
        (in_json(TEXT, messageType=" "), "no string"),
        (in_json(TEXT, messageType=["text"]), "no string"),
        (in_json(TEXT, messageType=...), "messageType"),
        (in_json(TEXT, senderAddress=...), "senderAddress"),
        (in_json(TEXT, senderAddress=" "), "senderAddress"),
        (in_json(TEXT, textMessageContent={"a": "b"}), "textMessageContent"),
        (in_json(REPORT, deliveryReportMessageStatus="lost"), "lost"),
        (in_json(REPORT, deliveryReportMessageStatus=...), "none"),
        (in_json(REPORT, clientMessageId=..., transferId=...), "names neither"),
        (b"<", "XML"),
        (b"<a>", "XML"),
        (b"<a/>", "messageType"),
        (b"<html><body>no</body></html>", "messageType"),
        (in_xml(TEXT) + b"<b/>", "XML"),
        (in_xml(TEXT).replace(b"</notificationId>", b"</notificationId><messageType>text</messageType>"), "twice"),
        (b"<a>" * 100_000, "deep"),
        (in_xml(TEXT).replace(b"UTF-8", b"klingon"), "encoding"),
        (in_xml(TEXT).replace(b"unterwegs", b"\xff"), "XML"),
        (b'<?xml version="1.0"?><!DOCTYPE n><n><messageType>text</messageType></n>', "document type"),
        (b'<!DOCTYPE n [<!ENTITY a "b">]><n><messageType>&a;</messageType></n>', "document type"),
        (b'<!DOCTYPE n SYSTEM "file:///etc/passwd"><n/>', "document type"),
        (
            b"<!DOCTYPE n [<!ENTITY % x SYSTEM 'http://sms.example.com/x'> %x;]><n/>",
            "document type",
        ),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE n><n/>'.encode("utf-16"), "JSON"),
        (in_xml(TEXT).replace(b"unterwegs", b"&undefined;"), "XML"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value[:20]),
)
def test_what_cannot_be_read_says_why(body: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence) as caught:
        read(body, country="AT")
    assert len(str(caught.value)) < 200


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_nothing_else_is_raised_for_bytes(body: bytes) -> None:
    for start in (b"", b"<a>", b"{"):
        with suppress(Unreadable):
            read(start + body, country="AT")


_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@settings(deadline=None)
@given(st.sampled_from([TEXT, REPORT, BINARY]), st.data())
def test_nothing_else_is_raised_for_odd_values(fields: dict[str, object], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(fields)))
    value = data.draw(st.recursive(_LEAF, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
    try:
        found = read(json.dumps(fields | {name: value}).encode(), country="AT")
    except Unreadable:
        return
    assert found.notification_id
    repr(found).encode()


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [("ok", 200, 2000), ("unavailable", 503, 5003), ("denied", 401, 4001), ("too_large", 413, 4000)],
)
def test_answers_are_in_the_format_of_the_question(outcome: Outcome, status: int, code: int) -> None:
    said, kind, body = answer(outcome, in_json(TEXT), xml_root="wanted")
    assert (said, kind) == (status, "application/json; charset=UTF-8")
    assert json.loads(body)["statusCode"] == code

    said, kind, body = answer(outcome, b" \n" + in_xml(TEXT), xml_root="wanted")
    assert (said, kind) == (status, "application/xml; charset=UTF-8")
    assert ET.fromstring(body).tag == "wanted"  # noqa: S314 - our own answer
    assert ET.fromstring(body).findtext("statusCode") == str(code)  # noqa: S314 - our own answer

    assert answer(outcome, b"", xml_root="wanted")[1].startswith("application/json")


def test_the_answer_the_provider_documents() -> None:
    assert answer("ok", b"{}", xml_root="n")[2] == b'{"statusCode":2000,"statusMessage":"ok"}'
