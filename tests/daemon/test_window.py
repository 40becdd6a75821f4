"""What the daemon shows of itself, and what would happen to a mail."""

from bridge.console.sources import Explained, Question
from bridge.daemon import window
from tests.given import DOMAIN, configuration

NOW = 1_800_000_000.0


def explained(**changes: str) -> Explained:
    values = {"sender": "chief@example.org", "recipient": f"anna@{DOMAIN}", "subject": "S", "text": "T"}
    return window.explainer(configuration, lambda: NOW)(Question(**{**values, **changes}))


def test_the_door_s_own_answer() -> None:
    found = explained(text="Tor „Süd“\n-- \nAnna")
    assert (found.answer, found.refused, found.row) == ("250 2.0.0 queued", False, 1)
    assert (found.text, found.left_out, found.parts, found.encoding) == ('S\nTor "Süd"', ("-- ", "Anna"), 1, "gsm")
    assert found.numbers == ("436600000001",)


def test_what_is_refused_has_no_text() -> None:
    found = explained(recipient=f"+43810000000@{DOMAIN}")
    assert (found.refused, found.text, found.answer[:3]) == (True, None, "550")


def test_what_no_header_can_hold_is_no_reason_to_fail() -> None:
    for sender in ("ä@ö.example", "a\r\nB: c@example.org", "<>", "x" * 999):
        assert explained(sender=sender, subject="a\r\nBcc: b", text="\x00").answer


def test_a_process_without_deliveries_says_so() -> None:
    found = window.health(configuration(), {}, language="en", roles=["smtpd"], closed=True, webhook_at=None)
    assert (found.ways, found.paused, found.closed) == ({}, (), True)
    assert window.lamps({}) == {"calls": {}, "paused": {}}
