"""Row 122: every notice there can be, read without loss by programs that others wrote for the bounces of others.

Sisimai and Mail::DeliveryStatus::BounceParser are Perl, flufl.bounce is Mailman's, the fourth is the standard library.
"""

import email
import email.policy
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

import pytest
from flufl.bounce import all_failures

from bridge.message import ReportState, Scope, State, Verdict
from bridge.notices import letters
from bridge.notices.letters import Notice
from bridge.providers.websms import codes, sentences
from bridge.spool import Original, Telling, reports
from tests.given import configuration
from tests.make import NOW, delivery
from tests.notices import rfc3464
from tests.wait import PATIENCE

HEADER = b"From: anna@example.org\r\nTo: anna@sms.example.com\r\nMessage-ID: <m@example.org>\r\nSubject: x\r\n"
SETTINGS = configuration().settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An outcome as the spool tells it."""

    told: str
    state: State
    status: str
    code: str
    reason: str


def _of_meaning(code: str, meaning: codes.Meaning) -> Iterator[Case]:
    status, said = meaning.status, meaning.says
    match meaning.verdict:
        case Verdict.ACCEPTED:
            yield Case(told="relayed", state=State.SENT, status="2.0.0", code=code, reason=said)
        case Verdict.PERMANENT:
            yield Case(told="failed", state=State.FAILED, status=status, code=code, reason=said)
        case Verdict.UNKNOWN:
            yield Case(told="delayed", state=State.UNKNOWN, status=status, code=code, reason=said)
            yield Case(told="failed", state=State.FAILED, status="4.4.2", code=code, reason="the outcome is unknown")
        case _:
            held = meaning.verdict is Verdict.OURS and meaning.scope is Scope.MESSAGE
            state = State.HELD if held else State.QUEUED
            yield Case(told="delayed", state=state, status=status, code=code, reason=said)
            yield Case(told="failed", state=State.FAILED, status="4.4.7", code=code, reason=f"too late: {said}")


def _cases() -> Iterator[Case]:
    for code, meaning in [
        *codes.CODES.items(),
        *codes.ON_BINARY.items(),
        *codes.ON_REPEAT.items(),
        (9999, codes.by_code(9999)),
    ]:
        yield from _of_meaning(str(code), meaning)
    for status in (*codes.HTTP, 302, 418, 502):
        yield from _of_meaning(f"http {status}", codes.by_http(status))
    for state in (ReportState.EXPIRED, ReportState.DELETED, ReportState.REJECTED):
        step = reports._MEANING[state]
        yield Case(
            told="failed", state=step.to, status=step.status, code=f"report {state.value}", reason="Teilnehmer weg"
        )
    for told in ("delivered", "corrected"):
        yield Case(
            told=told, state=State.DELIVERED, status="2.1.5", code="report delivered", reason="Zustellung bestätigt"
        )
    yield Case(told="failed", state=State.FAILED, status="5.2.0", code="report undelivered", reason="not reached")
    yield Case(told="failed", state=State.FAILED, status="5.1.3", code="4002", reason="Ungültiger Empfänger – 電話?")
    yield Case(told="failed", state=State.FAILED, status="4.4.7", code="expired", reason="not delivered in time")
    yield Case(told="delayed", state=State.QUEUED, status="", code="", reason="")
    yield Case(told="delayed", state=State.HELD, status="", code="", reason="two machines seem to talk")
    yield Case(told="expanded", state=State.QUEUED, status="", code="", reason="")


CASES = [(language, case) for language in ("en", "de") for case in _cases()]
ACTIONS = {"failed", "delayed", "delivered", "relayed", "expanded"}


def octets(case: Case, language: str, orcpt: str = "") -> bytes:
    """The notice about two phones, as it goes out."""
    told = [
        Telling(
            delivery=delivery(
                number,
                recipient=f"43660000000{number}",
                state=case.state,
                status=case.status,
                code=case.code,
                reason=case.reason,
                address=f"team{number}@sms.example.com" if number == 1 or case.told == "expanded" else "",
                orcpt=orcpt,
            ),
            told=case.told,
            kind="mail",
            message_id="<m@example.org>",
            attempted=NOW + 1,
        )
        for number in (1, 2)
    ]
    notice = Notice(
        to="anna@example.org",
        together=told,
        explained=[sentences.explain(case.code, language)] * 2,
        language=language,
        original=Original(at=NOW, envid="order+2B17", ret="hdrs", original=HEADER),
        kind=sentences.DIAGNOSTICS,
    )
    return letters.to_author(SETTINGS, notice, NOW + 9)


def expected(case: Case) -> tuple[str, str, list[str]]:
    """Action, class of status, final recipients."""
    action = "delivered" if case.told == "corrected" else case.told
    second = "team2@sms.example.com" if case.told == "expanded" else "+436600000002@sms.example.com"
    return action, case.status or {"delayed": "4.0.0", "expanded": "2.0.0"}[action], ["team1@sms.example.com", second]


def said(case: Case) -> str:
    return "" if case.told == "expanded" else f"{case.code} {case.reason}".strip()


def decoded(words: object) -> str:
    """Encoded words are what RFC 3464 has for other letters than ASCII's."""
    return str(make_header(decode_header(" ".join(str(words or "").split()))))


@pytest.fixture(scope="module")
def notices() -> list[tuple[str, Case, bytes]]:
    return [(language, case, octets(case, language)) for language, case in CASES]


def test_there_is_one_of_every_kind(notices: list[tuple[str, Case, bytes]]) -> None:
    assert {expected(case)[0] for _, case, _ in notices} == ACTIONS
    assert {case.code for _, case, _ in notices} >= {str(code) for code in codes.CODES}
    assert len(notices) > 200


def test_row_122_every_notice_keeps_to_rfc_3464(notices: list[tuple[str, Case, bytes]]) -> None:
    for _, case, raw in notices:
        found = rfc3464.read(raw)
        action, status, finals = expected(case)
        assert found.mail["original-envelope-id"] == "order+17"
        assert [one["final-recipient"] for one in found.recipients] == [f"rfc822; {final}" for final in finals]
        assert {(one["action"], one["status"]) for one in found.recipients} == {(action, status)}
        gateway = bool(case.code) and case.code != "expired" and case.told != "expanded"
        # What the provider told first is a gateway's; what only we know must not be.
        assert ("dsn-gateway" in found.mail) is gateway, case
        for one in found.recipients:
            words = f"{'x-websms' if gateway else 'x-smsbridge'}; {said(case)}" if said(case) else None
            assert (decoded(one.get("diagnostic-code")) or None) == words
        assert found.returned == ("text/rfc822-headers", HEADER)
        assert found.head["in-reply-to"] == found.head["references"] == "<m@example.org>"
        assert found.head["auto-submitted"] == "auto-replied"


def test_row_122_by_the_standard_library(notices: list[tuple[str, Case, bytes]]) -> None:
    for language, case, raw in notices:
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        assert mail.defects == []
        people, machine, returned = mail.iter_parts()
        assert people["Content-Language"] == language
        assert case.reason[:20] in people.get_content() or case.told not in {"failed", "delayed"}
        blocks: Any = machine.get_payload()
        action, status, finals = expected(case)
        assert blocks[0]["Original-Envelope-Id"] == "order+17"
        assert [str(block["Final-Recipient"]) for block in blocks[1:]] == [f"rfc822; {final}" for final in finals]
        assert {(str(block["Action"]), str(block["Status"])) for block in blocks[1:]} == {(action, status)}
        assert all(decoded(block["Diagnostic-Code"]).partition("; ")[2] == said(case) for block in blocks[1:])
        assert returned.get_content_type() == "text/rfc822-headers"
        assert returned.get_content().encode() == HEADER


def test_row_122_by_mailman(notices: list[tuple[str, Case, bytes]]) -> None:
    for _, case, raw in notices:
        temporary, permanent = all_failures(email.message_from_bytes(raw))
        action, _, finals = expected(case)
        addresses = {final.encode() for final in finals}
        assert set(permanent) == (addresses if action == "failed" else set()), case
        assert set(temporary) == (addresses if action == "delayed" else set()), case


@pytest.fixture(scope="module")
def in_perl(notices: list[tuple[str, Case, bytes]], tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the two Perl programs read, notice by notice."""
    modules = ["-MSisimai", "-MMail::DeliveryStatus::BounceParser", "-MJSON::PP"]
    there = subprocess.run(["perl", *modules, "-e", "1"], capture_output=True, check=False, timeout=PATIENCE)
    if there.returncode != 0:
        reason = "Sisimai and Mail::DeliveryStatus::BounceParser are not installed"
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(reason)
        pytest.skip(reason)
    place = tmp_path_factory.mktemp("notices")
    for number, (_, _, raw) in enumerate(notices):
        (place / f"{number}.eml").write_bytes(raw)
    program = Path(__file__).with_name("parsers.pl")
    done = subprocess.run(["perl", program, place], capture_output=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return [found[str(number)] for number in range(len(notices))]


def test_row_122_by_sisimai(notices: list[tuple[str, Case, bytes]], in_perl: list[dict[str, Any]]) -> None:
    for (_, case, _), found in zip(notices, in_perl, strict=True):
        action, status, finals = expected(case)
        assert [one["recipient"] for one in found["sisimai"]] == finals, case
        assert {one["action"] for one in found["sisimai"]} == {action}, case
        assert {one["message_id"] for one in found["sisimai"]} == {"m@example.org"}
        for one in found["sisimai"]:
            assert decoded(one["diagnostic"]) == said(case)
            assert one["status"] == status, case


def test_row_122_by_bounceparser(notices: list[tuple[str, Case, bytes]], in_perl: list[dict[str, Any]]) -> None:
    """It gives failures and nothing else, which is what its users want of it."""
    for (_, case, _), found in zip(notices, in_perl, strict=True):
        action, status, finals = expected(case)
        if action != "failed":
            assert all(one["action"] == action for one in found["bounceparser"]), case
            continue
        assert [one["recipient"] for one in found["bounceparser"]] == finals, case
        assert {(one["action"], one["status"]) for one in found["bounceparser"]} == {("failed", status)}
        assert {decoded(one["reason"]) for one in found["bounceparser"]} == {said(case)}


def test_row_122_who_gave_an_original_recipient_finds_it_again() -> None:
    case = Case(told="failed", state=State.FAILED, status="5.1.3", code="4002", reason="INVALID_RECIPIENT")
    raw = octets(replace(case), "en", orcpt="rfc822;Team+2BA@Example.org")
    assert {one["original-recipient"] for one in rfc3464.read(raw).recipients} == {"rfc822; Team+A@Example.org"}
    machine = email.message_from_bytes(raw).get_payload(1)
    assert isinstance(machine, Message)
    blocks: Any = machine.get_payload()
    assert [block["Original-Recipient"] for block in blocks[1:]] == ["rfc822; Team+A@Example.org"] * 2
