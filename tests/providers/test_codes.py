"""Each status code of websms has a row here, written by hand from the notes and not from the table."""

import json

import pytest

from bridge.message import Receipt, ReportState, Scope, Verdict
from bridge.providers.websms.answers import Answer, receipt
from bridge.providers.websms.codes import CODES, HTTP, REPORTS

OK, FAIL, LATER, SLOW, OURS, LOST = (
    Verdict.ACCEPTED,
    Verdict.PERMANENT,
    Verdict.TEMPORARY,
    Verdict.THROTTLED,
    Verdict.OURS,
    Verdict.UNKNOWN,
)
MESSAGE, ROUTE, ACCOUNT = Scope.MESSAGE, Scope.ROUTE, Scope.ACCOUNT

EXPECTED = [
    (2000, OK, MESSAGE, "2.0.0", False),
    (2001, OK, MESSAGE, "2.0.0", False),
    (2002, OK, MESSAGE, "2.0.0", True),
    (4000, OURS, MESSAGE, "4.3.5", True),
    (4001, OURS, ACCOUNT, "4.3.5", True),
    (4002, FAIL, MESSAGE, "5.1.3", False),
    (4003, OURS, ROUTE, "4.3.5", True),
    (4004, OURS, ROUTE, "4.3.5", True),
    (4005, OURS, MESSAGE, "4.3.5", True),
    (4006, OURS, MESSAGE, "4.3.5", True),
    (4007, OURS, MESSAGE, "4.3.5", True),
    (4008, OURS, MESSAGE, "4.3.5", True),
    (4009, FAIL, MESSAGE, "5.6.0", False),
    (4010, OURS, MESSAGE, "4.3.5", True),
    (4011, OURS, MESSAGE, "4.3.5", True),
    (4012, SLOW, ACCOUNT, "4.4.5", False),
    (4013, SLOW, ACCOUNT, "4.3.2", True),
    (4014, OURS, ACCOUNT, "4.3.5", True),
    (4015, OURS, ROUTE, "4.3.5", True),
    (4016, OURS, ROUTE, "4.3.5", True),
    (4017, FAIL, MESSAGE, "5.2.3", False),
    (4018, OURS, ACCOUNT, "4.3.5", True),
    (4019, OURS, ROUTE, "4.3.5", True),
    (4020, OURS, ACCOUNT, "4.3.5", True),
    (4021, OURS, ACCOUNT, "4.3.5", True),
    (4022, OURS, ACCOUNT, "4.3.5", True),
    (4023, SLOW, ACCOUNT, "4.4.5", False),
    (4024, SLOW, ACCOUNT, "4.4.5", False),
    (4025, SLOW, ACCOUNT, "4.4.5", False),
    (4026, FAIL, MESSAGE, "5.2.3", True),
    (4027, OURS, MESSAGE, "4.3.5", True),
    (4029, FAIL, MESSAGE, "5.7.1", False),
    (4031, FAIL, MESSAGE, "5.7.1", False),
    (4034, FAIL, MESSAGE, "5.6.1", False),
    (4035, OURS, ACCOUNT, "4.3.5", True),
    (4040, OURS, ROUTE, "4.3.5", True),
    (4041, OURS, ROUTE, "4.3.5", True),
    (4042, FAIL, MESSAGE, "5.7.1", True),
    (4043, FAIL, MESSAGE, "5.7.1", True),
    (5000, LOST, MESSAGE, "4.3.0", False),
    (5003, LATER, ACCOUNT, "4.3.2", False),
]

UNKNOWN_CODES = [
    (2009, OK, MESSAGE, "2.0.0"),
    (2999, OK, MESSAGE, "2.0.0"),
    (4028, OURS, MESSAGE, "4.3.0"),
    (4030, OURS, MESSAGE, "4.3.0"),
    (4120, OURS, MESSAGE, "4.3.0"),
    (4999, OURS, MESSAGE, "4.3.0"),
    (5001, LOST, MESSAGE, "4.3.0"),
    (5999, LOST, MESSAGE, "4.3.0"),
    (0, LOST, MESSAGE, "4.3.0"),
    (200, LOST, MESSAGE, "4.3.0"),
    (3000, LOST, MESSAGE, "4.3.0"),
    (6000, LOST, MESSAGE, "4.3.0"),
    (20000, LOST, MESSAGE, "4.3.0"),
]

WITHOUT_JSON = [
    (301, OURS, ACCOUNT, "4.3.5", True),
    (302, OURS, ACCOUNT, "4.3.5", True),
    (307, OURS, ACCOUNT, "4.3.5", True),
    (400, OURS, ACCOUNT, "4.3.5", True),
    (401, OURS, ACCOUNT, "4.3.5", True),
    (403, OURS, ACCOUNT, "4.3.5", True),
    (404, OURS, ACCOUNT, "4.3.5", True),
    (405, OURS, ACCOUNT, "4.3.5", True),
    (406, OURS, ACCOUNT, "4.3.5", True),
    (407, OURS, ACCOUNT, "4.3.5", True),
    (408, LOST, MESSAGE, "4.4.2", False),
    (415, OURS, ACCOUNT, "4.3.5", True),
    (409, OURS, MESSAGE, "4.3.0", True),
    (418, OURS, MESSAGE, "4.3.0", True),
    (429, SLOW, ACCOUNT, "4.4.5", False),
    (500, LOST, MESSAGE, "4.4.2", False),
    (502, LOST, MESSAGE, "4.4.2", False),
    (503, LATER, ACCOUNT, "4.3.2", False),
    (504, LOST, MESSAGE, "4.4.2", False),
    (599, LOST, MESSAGE, "4.4.2", False),
    (200, LOST, MESSAGE, "4.4.2", True),
    (202, LOST, MESSAGE, "4.4.2", True),
    (204, LOST, MESSAGE, "4.4.2", True),
]


def judged(fields: object, *, http: int = 200, test: bool = False, retry_after: str | None = None) -> Receipt:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    answer = Answer(status=http, content_type="application/json;charset=UTF-8", retry_after=retry_after, body=body)
    return receipt(answer, delivery_id="m1-1", test=test, now=1_700_000_000.0)


def coded(code: object, **more: object) -> dict[str, object]:
    return {
        "statusCode": code,
        "statusMessage": "in the provider's words",
        "clientMessageId": "m1-1",
        "transferId": "0068f1a2b3000a1b2c3d",
        "smsCount": 1,
        **more,
    }


def test_every_row_of_the_table_is_expected_here() -> None:
    assert [row[0] for row in EXPECTED] == sorted(CODES)
    assert set(HTTP) <= {row[0] for row in WITHOUT_JSON}


@pytest.mark.parametrize(("code", "verdict", "scope", "status", "alert"), EXPECTED)
def test_code(code: int, verdict: Verdict, scope: Scope, status: str, alert: bool) -> None:
    found = judged(coded(code))
    assert (found.verdict, found.scope, found.status, found.alert) == (verdict, scope, status, alert)
    assert found.code == str(code)
    assert found.text == "in the provider's words"


@pytest.mark.parametrize(("code", "verdict", "scope", "status"), UNKNOWN_CODES)
def test_a_code_outside_the_table_is_judged_by_its_family(
    code: int, verdict: Verdict, scope: Scope, status: str
) -> None:
    found = judged(coded(code))
    assert (found.verdict, found.scope, found.status, found.alert) == (verdict, scope, status, True)


@pytest.mark.parametrize(("http", "verdict", "scope", "status", "alert"), WITHOUT_JSON)
@pytest.mark.parametrize(
    ("content_type", "body"), [("", b""), ("text/html", b"<h1>no</h1>"), ("application/json", b"{}")]
)
def test_http_status_without_status_code(
    http: int, verdict: Verdict, scope: Scope, status: str, alert: bool, content_type: str, body: bytes
) -> None:
    answer = Answer(status=http, content_type=content_type, body=body)
    found = receipt(answer, delivery_id="m1-1", test=False, now=0.0)
    assert (found.verdict, found.scope, found.status, found.alert) == (verdict, scope, status, alert)
    assert found.code == f"http {http}"
    assert found.text


@pytest.mark.parametrize("http", [500, 502, 503, 504, 400, 404])
def test_a_status_code_is_worth_more_than_the_http_status_around_it(http: int) -> None:
    assert judged(coded(4002), http=http).verdict is Verdict.PERMANENT
    assert judged(coded(5003), http=http).verdict is Verdict.TEMPORARY


@pytest.mark.parametrize("http", [401, 403])
def test_refused_credentials_concern_the_account_whatever_the_code(http: int) -> None:
    found = judged(coded(4031), http=http)
    assert (found.verdict, found.scope, found.code) == (Verdict.OURS, Scope.ACCOUNT, "4031")


@pytest.mark.parametrize("http", [400, 401, 429, 500, 503])
def test_a_success_inside_a_failure_is_unknown(http: int) -> None:
    found = judged(coded(2000), http=http)
    assert (found.verdict, found.alert) == (Verdict.UNKNOWN, True)


def test_a_redirect_is_ours_even_with_a_success_in_its_body() -> None:
    assert judged(coded(2000), http=302).verdict is Verdict.OURS


def test_a_cut_off_503_may_have_held_anything() -> None:
    answer = Answer(status=503, content_type="application/json", body=None)
    assert receipt(answer, delivery_id="m1-1", test=False, now=0.0).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("code", ["2000", " 2000", "2000.0", 2000.0, True, None, [2000], "zwei", -2000, 10**50])
def test_only_digits_are_a_status_code(code: object) -> None:
    found = judged(coded(code))
    if code == "2000":
        assert (found.verdict, found.alert) == (Verdict.ACCEPTED, False)
    else:
        assert (found.verdict, found.alert) == (Verdict.UNKNOWN, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"2000",
        b"\xff\xfe",
        b'{"statusCode":NaN}',
        b'{"statusCode":4002,"statusCode":2000}',
        b'{"statusMessage":"OK"}',
        b"[" * 60_000,
        b'{"statusCode":' + b"9" * 5_000 + b"}",
    ],
    ids=lambda body: body[:12],
)
def test_garbage_is_unknown(body: bytes) -> None:
    found = judged(body)
    assert (found.verdict, found.alert) == (Verdict.UNKNOWN, True)


def test_html_that_says_2000_is_unknown() -> None:
    answer = Answer(status=200, content_type="text/html", body=json.dumps(coded(2000)).encode())
    found = receipt(answer, delivery_id="m1-1", test=False, now=0.0)
    assert (found.verdict, found.alert) == (Verdict.UNKNOWN, True)
    assert "text/html" in found.text


def test_parts_and_transfer_id_are_taken_over() -> None:
    found = judged(coded(2000, smsCount=3))
    assert (found.parts, found.transfer_id) == (3, "0068f1a2b3000a1b2c3d")


@pytest.mark.parametrize("count", [None, -1, "x", 10**9, 1.5])
def test_an_odd_count_is_no_count(count: object) -> None:
    assert judged(coded(2000, smsCount=count)).parts is None


@pytest.mark.parametrize("transfer_id", [None, "", "  ", "x" * 200, {"a": 1}])
def test_a_success_without_transfer_id_is_a_success_to_look_at(transfer_id: object) -> None:
    found = judged(coded(2000, transferId=transfer_id))
    assert (found.verdict, found.alert, found.transfer_id) == (Verdict.ACCEPTED, True, None)


def test_another_id_echoed_is_a_success_to_look_at() -> None:
    found = judged(coded(2000, clientMessageId="m2-1"))
    assert (found.verdict, found.alert) == (Verdict.ACCEPTED, True)
    assert not judged(coded(2000, clientMessageId=None)).alert


def test_a_test_is_only_odd_if_it_was_not_asked_for() -> None:
    assert judged(coded(2002)).alert
    assert not judged(coded(2002), test=True).alert


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("999999", 3600.0),
        ("99999999999999999999", 3600.0),
        ("-5", 30.0),
        ("soon", 30.0),
        ("", 30.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:13:00 GMT", 0.0),
        ("Tue Nov 14 22:14:20 2023", 60.0),
        ("Tue, 14 Nov 2033 22:13:00 GMT", 3600.0),
        (None, 30.0),
    ],
)
def test_retry_after(header: str | None, seconds: float) -> None:
    answer = Answer(status=429, retry_after=header)
    found = receipt(answer, delivery_id="m1-1", test=False, now=1_700_000_000.0)
    assert found.retry_after == seconds


def test_retry_after_counts_for_a_coded_refusal_too_and_not_for_others() -> None:
    assert judged(coded(4023), retry_after="11").retry_after == 11.0
    assert judged(coded(5003), retry_after="11").retry_after == 11.0
    assert judged(coded(4013)).retry_after == 300.0
    assert judged(coded(5003)).retry_after is None
    assert judged(coded(4002), retry_after="11").retry_after is None


def test_the_providers_words_become_one_clean_line() -> None:
    found = judged(coded(4002, statusMessage="no\r\nBcc: x\x00\u2028y \ud800"))
    assert found.text == "no Bcc: x y \ufffd"
    assert len(judged(coded(4002, statusMessage="x" * 5000)).text) <= 300
    assert judged(coded(4002, statusMessage=None)).text == "the recipient is no valid number"


def test_report_words() -> None:
    assert dict(REPORTS) == {
        "delivered": ReportState.DELIVERED,
        "accepted": ReportState.ACCEPTED,
        "undelivered": ReportState.UNDELIVERED,
        "expired": ReportState.EXPIRED,
        "deleted": ReportState.DELETED,
        "rejected": ReportState.REJECTED,
    }
