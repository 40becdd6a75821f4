"""The three forms of an answer, and which one a client gets."""

import json
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.simulator import SimulatorSettings
from bridge.simulator.answers import Answer, Form, choose_form, render, xml_text
from tests.simulator.rig import Client

TEXT = "/rest/smsmessaging/text"
GOOD = b'{"recipientAddressList":["436600000001"],"messageContent":"hi"}'


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        (TEXT, None, "xml"),
        (TEXT, "*/*", "xml"),
        (TEXT, "application/xml", "xml"),
        (TEXT, "application/json", "json"),
        (TEXT, "text/html, application/json;q=0.5", "json"),
        (TEXT, "text/html", None),
        ("/json/smsmessaging/text", None, "json"),
        ("/json/smsmessaging/text", "text/html", "json"),
    ],
)
async def test_the_accept_header_decides(client: Client, path: str, accept: str | None, kind: str | None) -> None:
    answer = await client.call(path, GOOD, headers={"Accept": accept})
    if kind is None:
        assert answer.status == 406
        return
    assert answer.headers["Content-Type"] == f"application/{kind};charset=UTF-8"
    assert answer.body.startswith(b"{" if kind == "json" else b"<?xml")
    assert (b"<smsSendResponse><statusMessage>OK</statusMessage><statusCode>2000<" in answer.body) == (kind == "xml")


@pytest.mark.parametrize(
    ("prefix", "accept", "form"),
    [
        ("rest", "", "json"),
        ("rest", "APPLICATION/JSON", "json"),
        ("rest", "application/xml, application/json", "json"),
        ("rest", "text/html, */*;q=0.1", "json"),
        ("rest", "application/*", None),
        ("xml", "application/json", "xml"),
        ("xml", None, "xml"),
        ("json", "application/xml", "json"),
    ],
)
def test_forms_by_path_and_header(prefix: str, accept: str | None, form: str | None) -> None:
    assert choose_form(SimulatorSettings(wildcard_format="json"), prefix, False, accept) == form


@pytest.mark.parametrize(
    ("accept", "fits"), [(None, True), ("text/plain", True), ("text/*", True), ("text/html", False)]
)
def test_simple_has_one_form(accept: str | None, fits: bool) -> None:
    assert choose_form(SimulatorSettings(), "rest", True, accept) == ("simple" if fits else None)


ACCEPTED = Answer(code=2000, message="OK", client_message_id="m 1&2", transfer_id="00ab", sms_count=2)
REFUSED = Answer(code=4019, message='parameter "x" <invalid>')


def test_answers_in_json() -> None:
    assert json.loads(render(ACCEPTED, "json")) == {
        "statusCode": 2000,
        "statusMessage": "OK",
        "clientMessageId": "m 1&2",
        "transferId": "00ab",
        "smsCount": 2,
    }
    assert json.loads(render(REFUSED, "json"))["transferId"] is None


def test_answers_in_xml_leave_out_what_is_not_set() -> None:
    assert render(ACCEPTED, "xml").decode().partition("?>\n")[2] == (
        "<smsSendResponse><statusMessage>OK</statusMessage><statusCode>2000</statusCode>"
        "<clientMessageId>m 1&amp;2</clientMessageId><transferId>00ab</transferId><smsCount>2</smsCount>"
        "</smsSendResponse>"
    )
    root = ElementTree.fromstring(render(REFUSED, "xml"))  # noqa: S314 - our own answer
    assert {child.tag: child.text for child in root} == {
        "statusMessage": 'parameter "x" <invalid>',
        "statusCode": "4019",
        "smsCount": "0",
    }


def test_answers_of_simple() -> None:
    assert render(ACCEPTED, "simple") == b"statusCode=2000&statusMessage=OK&transferId=00ab&clientMessageId=m%201%262"
    assert render(REFUSED, "simple") == b"statusCode=4019&statusMessage=parameter%20%22x%22%20%3Cinvalid%3E"


_ECHO = st.text(st.characters() | st.sampled_from("\ufffe\uffff\x00\r\ud800<&"), max_size=30)


@settings(deadline=None)
@given(_ECHO, st.sampled_from(["json", "xml", "simple"]))
def test_whatever_is_echoed_the_answer_can_be_read(echo: str, form: Form) -> None:
    body = render(Answer(code=4008, message="no", client_message_id=echo), form)
    whole = echo.encode("utf-8", "replace").decode()
    if form == "json":
        assert json.loads(body)["clientMessageId"] == whole
    elif form == "xml":
        found = ElementTree.fromstring(body).findtext("clientMessageId") or ""  # noqa: S314 - our own answer
        legal = "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in whole)
        assert found == legal.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    else:
        assert dict(parse_qsl(body.decode())).get("clientMessageId", "") == whole


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<&>\"'", "&lt;&amp;&gt;&quot;'"),
        ("a\r\nb\tc", "a&#13;\nb\tc"),
        ("\x00\x1f\x7f", "\ufffd\ufffd\x7f"),
        ("\ufffe\uffff\ufffd", "\ufffd\ufffd\ufffd"),
        ("😀", "😀"),
    ],
)
def test_texts_in_xml(text: str, written: str) -> None:
    assert xml_text(text) == written
