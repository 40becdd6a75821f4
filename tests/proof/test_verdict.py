"""Who a mail says it is from, and replies a client can read."""

import pytest

from bridge.proof.verdict import Refusal, author_of, proven, refused
from bridge.text import Refused


def test_a_verdict_has_an_author_or_a_refusal() -> None:
    good = proven("anna@example.org", "dkim:example.org", envelope=True)
    assert (good.author, good.how, good.envelope, good.refusal) == ("anna@example.org", "dkim:example.org", True, None)
    bad = refused(550, "5.7.1", "no")
    assert (bad.author, bad.how, bad.envelope) == (None, "", False)
    assert bad.refusal == Refusal(code=550, status="5.7.1", text="no")


def test_what_strangers_wrote_makes_no_second_line() -> None:
    refusal = refused(550, "5.7.1", "a\r\n250 ok\x1b[0m ü" + "x" * 600).refusal
    assert refusal is not None
    assert refusal.text.startswith("a??250 ok?[0m ?x")
    assert len(refusal.text) <= 300


def test_the_author_is_normalised() -> None:
    author, head = author_of('From: "B, Anna" <"Anna"@Bücher.Example.org>\r\nTo: x\r\n\r\n'.encode())
    assert author == "anna@xn--bcher-kva.example.org"
    assert head["to"] == ("x",)


@pytest.mark.parametrize(
    "value",
    [
        "a@localhost",
        "a@example.org.",
        "a@[192.0.2.1]",
        "a@-b.org",
        f"a@{'b' * 64}.org",
        f"a@{'b.' * 130}org",
        "a@b_.c_",
    ],
)
def test_a_domain_that_dns_cannot_hold_proves_nobody(value: str) -> None:
    with pytest.raises(Refused, match=r"554 5\.6\.0"):
        author_of(f"From: {value}\r\n\r\n".encode())
