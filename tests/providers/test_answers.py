"""What an HTTP answer means for a delivery, in every odd shape it can have; the codes alone are in test_codes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.message import Scope, Verdict
from bridge.providers.websms.answers import LONGEST_WAIT, Answer, receipt, wait_asked
from bridge.providers.websms.sentences import explain
from tests.providers.answered import coded, judged


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
    assert "2000" in found.text
    assert "may or may not have" in (explain(found.code, "en") or "")
    assert "ungewiss" in (explain(found.code, "de") or "")


def test_a_redirect_is_ours_unless_its_body_says_that_it_was_sent() -> None:
    assert judged(coded(5003), http=302).verdict is Verdict.OURS
    assert judged(coded(2000), http=302).verdict is Verdict.UNKNOWN


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


@pytest.mark.parametrize("code", [2000, 2001, 2999])
@pytest.mark.parametrize("odd", [{"transferId": None}, {"clientMessageId": "m2-1"}])
def test_a_success_to_look_at_is_not_explained_by_nothing_to_do(code: int, odd: dict[str, object]) -> None:
    found = judged(coded(code, **odd))
    told = explain(found.code, "en")
    assert told is not None
    assert "has taken the message" in told
    assert "Nothing needs" not in told
    assert str(code) in found.text
    assert "nichts zu tun" not in (explain(found.code, "de") or "")


def test_an_odd_test_is_still_told_to_be_a_test() -> None:
    told = explain(judged(coded(2002, transferId=None)).code, "en")
    assert told is not None
    assert "test" in told


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


@pytest.mark.parametrize(("status", "family"), [(100, 1), (200, 2), (299, 2), (300, 3), (503, 5), (999, 9)])
def test_families(status: int, family: int) -> None:
    assert Answer(status=status).family == family


@settings(deadline=None)
@given(
    st.text(max_size=20)
    | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,5} [0-9:]{1,9} ?[-+0-9A-Z]{0,6}")
)
def test_whatever_a_server_asks_we_wait_an_hour_at_most(header: str) -> None:
    wait = wait_asked(header, 1_700_000_000.0)
    assert wait is None or 0.0 <= wait <= LONGEST_WAIT


@pytest.mark.parametrize(
    "header",
    [
        "9" * 5_000,
        "Tue, 14 Nov 99999 22:14:20 GMT",
        "Tue, 14 Nov 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 +2359",
    ],
    ids=lambda header: header[:20],
)
def test_monstrous_waits(header: str) -> None:
    assert wait_asked(header, 1_700_000_000.0) in {None, 0.0, LONGEST_WAIT}


_CODED = st.fixed_dictionaries(
    {},
    optional={
        name: st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=10)
        | st.sampled_from([2000, "4002", 5003, "m1-1"])
        for name in ("statusCode", "statusMessage", "clientMessageId", "transferId", "smsCount", "error_description")
    },
)


@settings(deadline=None, max_examples=300)
@given(
    st.integers(100, 599),
    st.sampled_from(["application/json", "text/plain", "text/html", ""]),
    st.none() | st.binary(max_size=40) | _CODED.map(lambda fields: json.dumps(fields).encode()),
    st.none() | st.text(max_size=10),
)
def test_no_answer_breaks_the_judge_and_acceptance_is_never_guessed(
    status: int, content_type: str, body: bytes | None, retry_after: str | None
) -> None:
    answer = Answer(status=status, content_type=content_type, retry_after=retry_after, body=body)
    found = receipt(answer, delivery_id="m1-1", test=False, now=1_700_000_000.0)
    repr(found).encode()
    assert found.status[0] == {Verdict.ACCEPTED: "2", Verdict.PERMANENT: "5"}.get(found.verdict, "4")
    assert "\n" not in found.text
    if found.verdict is Verdict.ACCEPTED:
        assert body is not None
        assert status // 100 == 2
        assert content_type == "application/json"
        assert str(json.loads(body)["statusCode"]).startswith("2")
