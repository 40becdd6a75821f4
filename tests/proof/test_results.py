"""Authentication-Results: read to the letter, and taken out where they are forged."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.proof import results
from bridge.proof.results import Finding, Results, without_foreign_results


def findings(value: str) -> list[tuple[str, str, dict[str, str]]]:
    found = results.read(value)
    assert found is not None
    return [(finding.method, finding.result, dict(finding.properties)) for finding in found.findings]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("mx.example.com; none", []),
        ("mx.example.com 1; none", []),
        ("mx.example.com;", []),
        ("mx.example.com; spf=pass smtp.mailfrom=anna@example.org",
         [("spf", "pass", {"smtp.mailfrom": "anna@example.org"})]),
        ("mx.example.com; dkim=pass (2048-bit key; secure) header.d=example.org header.i=@example.org"
            ' header.b="aB/c+d==";\t'
         "dmarc=pass (p=reject dis=none) header.from=example.org",
         [("dkim", "pass", {"header.d": "example.org", "header.i": "@example.org", "header.b": "aB/c+d=="}),
          ("dmarc", "pass", {"header.from": "example.org"})]),
        ("mx.example.com; DKIM / 1 = Fail reason=\"bad; \\\"signature\\\"\" header.d = example.org",
         [("dkim", "fail", {"reason": 'bad; "signature"', "header.d": "example.org"})]),
        ("mx.example.com; spf=pass smtp.mailfrom=\"a b;c\"@example.org",
         [("spf", "pass", {"smtp.mailfrom": '"a b;c"@example.org'})]),
        ("mx.example.com; spf=none smtp.mailfrom=", [("spf", "none", {"smtp.mailfrom": ""})]),
        ("(a (nested) one) mx.example.com (b) ; (c) dkim (d) = (e) pass (f \\) ; spf=pass) ; spf=fail",
         [("dkim", "pass", {}), ("spf", "fail", {})]),
    ],
)  # fmt: skip
def test_reading(value: str, found: list[tuple[str, str, dict[str, str]]]) -> None:
    assert findings(value) == found


def test_the_server_is_in_lower_case_and_may_be_quoted() -> None:
    assert results.read("MX.Example.com; none") == Results(server="mx.example.com", findings=())
    assert results.read('"mx.example.com" 1; none') == Results(server="mx.example.com", findings=())


def test_a_finding_that_says_a_thing_twice_says_nothing() -> None:
    assert findings("a; dkim=pass header.d=example.org header.d=example.net; spf=pass") == [("spf", "pass", {})]


@pytest.mark.parametrize(
    "value",
    ["", ";", "; dkim=pass", "a b; none", "a; dkim", "a; dkim=pass header.d", "a; dkim=pass (", "a; dkim=pass )",
     'a; dkim=pass reason="', 'a; dkim=pass header.d="b"c"', "a; =pass", "a; dkim=pass =x", "a; dkim=pass, spf=pass",
     "a; dkim=pass garbage spf=pass", "mx.example.com 1 2; none"],
)  # fmt: skip
def test_what_breaks_the_grammar_says_nothing(value: str) -> None:
    assert results.read(value) is None


def test_a_comment_or_a_quoted_text_cannot_smuggle_a_result() -> None:
    value = 'mx; spf=fail reason="x; dkim=pass header.d=a.org" smtp.mailfrom="a;dmarc=pass"@c.org (; dkim=pass)'
    assert [name for name, _, _ in findings(value)] == ["spf"]


@pytest.mark.parametrize("blank", ["\N{NO-BREAK SPACE}", "\N{EM SPACE}", "\x0b", "\x0c", "\x1c", "\x85"])
def test_a_local_part_with_a_blank_that_is_none_does_not_end_early(blank: str) -> None:
    # RFC 6532 lets a mail address hold it without quotes, so a relay may repeat what a stranger signed.
    assert results.read(f"mx; dkim=pass header.i=example.org{blank}y=z@example.net") is None


@pytest.mark.parametrize("quote", ['"', '\\"'])
def test_a_quoted_local_part_in_a_comment_does_not_close_it(quote: str) -> None:
    # Some relays repeat the envelope sender in a comment and quote it as if a bracket were nothing special there.
    sender = f"{quote}a); dkim=pass header.d=example.org; x=y (b{quote}@example.net"
    assert results.read(f"mx; spf=pass (mx: domain of {sender} designates 192.0.2.1) smtp.helo=x") is None


@given(some.text(some.sampled_from('mx;= dkimpass.()"\\/1@\t\u0661'), max_size=80))
def test_it_never_raises(value: str) -> None:
    found = results.read(value)
    assert found is None or all(isinstance(finding, Finding) for finding in found.findings)


@pytest.mark.parametrize("piece", ["(", "(()", '"\\', "a=b ", ";", "a=", "=", '""', "a" * 40 + "/"])
def test_the_longest_field_takes_no_time(piece: str) -> None:
    value = "mx; " + piece * (8192 // len(piece))
    begun = time.process_time()
    results.read(value)
    without_foreign_results(b"Authentication-Results: " + value.encode() * 100, "mx")
    assert time.process_time() - begun < 3


HEAD = b"Received: from a\r\n by b\r\n"
FOREIGN = b"Authentication-Results: mx.example.net; dkim=pass\r\n header.d=example.org\r\n"
FORGED = b"Authentication-Results: mx.example.com; dkim=pass\r\n header.d=example.org\r\n"
REST = b"From: a@example.org\r\n\r\nAuthentication-Results: mx.example.com; none\r\n"


def test_row_43_foreign_results_with_our_id_are_removed_and_nothing_else() -> None:
    content = FORGED + HEAD + FOREIGN + FORGED + REST
    assert without_foreign_results(content, "MX.example.com") == HEAD + FOREIGN + REST


@pytest.mark.parametrize(
    "field",
    [
        b"authentication-RESULTS : mx.example.com; none\r\n",
        b"Authentication-Results:\r\n (x) MX.example.com 1;\r\n none\r\n",
        b'Authentication-Results: "mx.example.com"; none\r\n',
        b"Authentication-Results: mx.example.com\r\n",
        b"Authentication-Results: (never closed mx.example.com; none\r\n",
        b"Authentication-Results: a mx.example.com; none\r\n",
        b"Authentication-Results:\r\n",
        b"Authentication-Results: mx.example.com; none\n",
        b"Authentication-Results:\xc2\xa0mx.example.com; none\r\n",
    ],
)
def test_row_43_whatever_may_be_read_as_ours_goes(field: bytes) -> None:
    assert without_foreign_results(HEAD + field + REST, "mx.example.com") == HEAD + REST
    assert without_foreign_results(field + REST, "mx.example.com") == REST


@pytest.mark.parametrize(
    "content", [b"", b"\r\n", REST, b"From x\r\n" + REST, b"no field\r\n" + FORGED, b"A: b", b" x\r\n" + FORGED]
)
def test_a_mail_without_such_fields_stays_as_it_is(content: bytes) -> None:
    assert without_foreign_results(content, "mx.example.com") == content


@given(
    some.lists(
        some.sampled_from([HEAD, FORGED, FOREIGN, REST, b"\r\n", b" x\r\n", b"x", b"Authentication-Results:", b"\n"])
    )
)
def test_after_it_no_field_of_ours_is_left(pieces: list[bytes]) -> None:
    from bridge.text import fields

    made = without_foreign_results(b"".join(pieces), "mx.example.com")
    for value in fields.split(made)[0].get("authentication-results", ()):
        found = results.read(value)
        assert found is None or found.server != "mx.example.com"
