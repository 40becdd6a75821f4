"""Each status code of websms has a row here, written by hand from the notes and not from the table."""

import pytest

from bridge.message import ReportState, Scope, Verdict
from bridge.providers.websms import codes
from bridge.providers.websms.answers import Answer, receipt
from bridge.providers.websms.codes import CODES, HTTP, REPORTS
from tests.providers.answered import coded, judged

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
    (400, OURS, MESSAGE, "4.3.5", True),
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


def test_report_words() -> None:
    assert dict(REPORTS) == {
        "delivered": ReportState.DELIVERED,
        "accepted": ReportState.ACCEPTED,
        "undelivered": ReportState.UNDELIVERED,
        "expired": ReportState.EXPIRED,
        "deleted": ReportState.DELETED,
        "rejected": ReportState.REJECTED,
    }


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("2000", "2000"),
        ("4031", "4031"),
        ("lost", "lost"),
        ("http 503", "http 503"),
        ("http 418", "http 4xx"),
        ("2999", "other"),
        ("436600000001", "other"),
        ("9" * 400, "other"),
        ("anna@example.org", "other"),
        ("http anna", "other"),
        ("", "other"),
    ],
)
def test_codes_are_counted_under_names_of_ours(code: str, label: str) -> None:
    assert codes.label(code) == label
