"""How SPF, DKIM and DMARC are weighed: what is proven, what is unknown for now, what is refused for good."""

import asyncio
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from bridge.proof.evidence import Evidence
from bridge.proof.verdict import Verdict, author_of
from tests.proof.dns_stub import Stub
from tests.proof.signing import mail, publish, signed, signer

PEER = "192.0.2.3"
OURS, ABOVE, THEIRS = signer("mail.example.org"), signer("example.org"), signer("example.net")
FROM = "anna@mail.example.org"


def evidence(stub: Stub, **options: Any) -> Evidence:
    options = {"query_seconds": 10.0, "total_seconds": 20.0, "clock": time.time, **options}
    return Evidence(nameservers=[stub.address], **options)


async def weighed(
    stub: Stub, content: bytes, *, sender: str = "", helo: str = "x", peer: str | None = PEER, **options: Any
) -> Verdict:
    """The verdict on a mail, all with keys in DNS."""
    for by in (OURS, ABOVE, THEIRS):
        publish(stub, by)
    author, _ = author_of(content)
    address = ip_address(peer) if peer else None
    return await evidence(stub, **options).weigh(author=author, peer=address, helo=helo, sender=sender, content=content)


def reply(verdict: Verdict) -> str:
    assert verdict.refusal is not None, verdict.how
    return f"{verdict.refusal.code} {verdict.refusal.status}"


def exists(stub: Stub) -> None:
    stub.add("mail.example.org", "A", PEER)


async def test_the_very_domain_needs_no_dmarc_record(stub: Stub) -> None:
    verdict = await weighed(stub, signed(mail(FROM), OURS))
    assert (verdict.author, verdict.how, verdict.envelope) == (FROM, "dkim:mail.example.org", False)
    assert stub.questions("_dmarc.mail.example.org") == 0


@pytest.mark.parametrize(
    ("record", "accepted"),
    [(None, False), ("v=DMARC1; p=none", True), ("v=DMARC1; p=none; adkim=r; aspf=s", True),
     ("v=DMARC1; p=none; adkim=s", False), ("v=DMARC1; p=none; p=none", False)],
)  # fmt: skip
@pytest.mark.parametrize("at", ["_dmarc.mail.example.org", "_dmarc.example.org"])
async def test_a_domain_of_the_same_owner_needs_the_owners_word(
    stub: Stub, record: str | None, accepted: bool, at: str
) -> None:
    exists(stub)
    if record:
        stub.add(at, "TXT", record)
    verdict = await weighed(stub, signed(mail(FROM), ABOVE))
    if accepted:
        assert verdict.how == "dkim:example.org"
    else:
        assert reply(verdict) == "550 5.7.1"


@pytest.mark.parametrize(("record", "accepted"), [("v=DMARC1; aspf=r; adkim=s", True), ("v=DMARC1; aspf=s", False)])
async def test_spf_of_the_same_owner_needs_the_owners_word(stub: Stub, record: str, accepted: bool) -> None:
    exists(stub)
    stub.add("_dmarc.mail.example.org", "TXT", record)
    stub.add("bounce.example.org", "TXT", f"v=spf1 ip4:{PEER} -all")
    verdict = await weighed(stub, mail(FROM), sender="x@bounce.example.org")
    if accepted:
        assert (verdict.how, verdict.envelope) == ("spf:bounce.example.org", True)
    else:
        assert reply(verdict) == "550 5.7.1"


async def test_another_owner_proves_nothing_whatever_the_record_says(stub: Stub) -> None:
    exists(stub)
    stub.add("_dmarc.mail.example.org", "TXT", "v=DMARC1; p=none")
    stub.add("example.net", "TXT", "v=spf1 +ip4:192.0.2.0/24 -all")
    verdict = await weighed(stub, signed(mail(FROM), THEIRS), sender="x@example.net")
    assert reply(verdict) == "550 5.7.1"
    assert verdict.refusal is not None
    assert "d=mail.example.org" in verdict.refusal.text


async def test_spf_that_passes_everybody_proves_nothing(stub: Stub) -> None:
    stub.add("mail.example.org", "TXT", "v=spf1 +all")
    assert reply(await weighed(stub, mail(FROM), sender=FROM)) == "550 5.7.1"
    verdict = await weighed(stub, signed(mail(FROM), OURS), sender="x@mail.example.org")
    assert verdict.author == FROM


@pytest.mark.parametrize(
    ("sender", "record", "envelope"),
    [("anna@mail.example.org", None, True), ("x@mail.example.org", "v=spf1 -all", True), ("x@example.net", None, False),
     ("x@example.net", "v=spf1 ip4:192.0.2.3 -all", True), ("x@example.net", "v=spf1 -all", False),
     ("x@example.net", "v=spf1 +all", False), ("x@example.org", None, False), ("", None, False)],
)  # fmt: skip
async def test_whether_a_notice_may_go_to_the_envelope_sender(
    stub: Stub, sender: str, record: str | None, envelope: bool
) -> None:
    if record and sender:
        stub.add(sender.partition("@")[2], "TXT", record)
    verdict = await weighed(stub, signed(mail(FROM), OURS), sender=sender)
    assert (verdict.author, verdict.envelope) == (FROM, envelope)


async def test_the_null_sender_is_proven_by_helo_and_gets_no_notice(stub: Stub) -> None:
    stub.add("mail.example.org", "TXT", f"v=spf1 ip4:{PEER} -all")
    verdict = await weighed(stub, mail(FROM), sender="", helo="mail.example.org")
    assert (verdict.how, verdict.envelope) == ("spf:mail.example.org", False)
    assert reply(await weighed(stub, mail(FROM), sender="x@example.com", helo="mail.example.org")) == "550 5.7.20"


@pytest.mark.parametrize("peer", ["::ffff:192.0.2.3", PEER])
async def test_a_mapped_peer_is_its_ipv4_address(stub: Stub, peer: str) -> None:
    stub.add("mail.example.org", "TXT", f"v=spf1 ip4:{PEER} -all")
    assert (await weighed(stub, mail(FROM), sender=FROM, peer=peer)).how == "spf:mail.example.org"


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.0.0.1", "::1", None])
async def test_no_peer_has_a_pass_of_its_own(stub: Stub, peer: str | None) -> None:
    stub.add("mail.example.org", "TXT", f"v=spf1 ip4:{PEER} ~all")
    assert reply(await weighed(stub, mail(FROM), sender=FROM, peer=peer)) == "550 5.7.20"


def key_of(by: Any) -> Callable[[Stub], None]:
    return lambda stub: stub.fail(by.name)


TROUBLE: dict[str, tuple[Callable[[Stub], None], bytes, str, str]] = {
    # what fails, the mail, its envelope sender, the reply
    "our key": (key_of(OURS), signed(mail(FROM), OURS), "", "451 4.4.3"),
    "our SPF": (lambda stub: stub.fail("mail.example.org"), mail(FROM), FROM, "451 4.7.24"),
    "their key": (key_of(THEIRS), signed(mail(FROM), THEIRS), "", "550 5.7.20"),
    "their SPF": (lambda stub: stub.fail("example.net"), mail(FROM), "x@example.net", "550 5.7.20"),
    "a key above, no record": (key_of(ABOVE), signed(mail(FROM), ABOVE), "", "550 5.7.20"),
    "the record": (lambda stub: stub.fail("_dmarc.mail.example.org"), signed(mail(FROM), ABOVE), "", "451 4.4.3"),
    "the record above": (lambda stub: stub.fail("_dmarc.example.org"), signed(mail(FROM), ABOVE), "", "451 4.4.3"),
    "the record of strangers": (
        lambda stub: stub.fail("_dmarc.example.org"),
        signed(mail(FROM), THEIRS),
        "",
        "550 5.7.1",
    ),
}


@pytest.mark.parametrize("what", TROUBLE)
async def test_trouble_is_temporary_where_a_good_answer_could_have_proven_the_mail(stub: Stub, what: str) -> None:
    fail, content, sender, expected = TROUBLE[what]
    exists(stub)
    fail(stub)
    assert reply(await weighed(stub, content, sender=sender)) == expected


@pytest.mark.parametrize("strict", [False, True])
async def test_trouble_with_a_key_above_counts_where_the_record_lets_it(stub: Stub, strict: bool) -> None:
    exists(stub)
    stub.add("_dmarc.example.org", "TXT", "v=DMARC1; adkim=s" if strict else "v=DMARC1")
    stub.fail(ABOVE.name)
    assert reply(await weighed(stub, signed(mail(FROM), ABOVE))) == ("550 5.7.20" if strict else "451 4.4.3")


async def test_trouble_elsewhere_takes_no_pass_away(stub: Stub) -> None:
    for name in ("example.net", THEIRS.name, "_dmarc.mail.example.org", "mail.example.org"):
        stub.fail(name)
    verdict = await weighed(stub, signed(signed(mail(FROM), OURS), THEIRS), sender="x@example.net")
    assert (verdict.how, verdict.envelope) == ("dkim:mail.example.org", False)


async def test_a_from_domain_that_does_not_exist_is_refused(stub: Stub) -> None:
    assert reply(await weighed(stub, mail("anna@nowhere.example.com"))) == "550 5.1.8"
    stub.add("_dmarc.example.org", "TXT", "v=DMARC1; p=none")
    assert reply(await weighed(stub, signed(mail("anna@typo.example.org"), ABOVE))) == "550 5.1.8"
    stub.fail("late.example.org")
    assert reply(await weighed(stub, signed(mail("anna@late.example.org"), ABOVE))) == "451 4.4.3"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=spf1 -all", "550 5.7.23"),
        ("v=spf1 foo", "550 5.7.24"),
        ("v=spf1 ~all", "550 5.7.20"),
        ("v=spf1 ?all", "550 5.7.20"),
    ],
)
async def test_what_spf_says_is_in_the_reply(stub: Stub, record: str, expected: str) -> None:
    stub.add("mail.example.org", "TXT", record)
    verdict = await weighed(stub, mail(FROM), sender=FROM)
    assert reply(verdict) == expected
    assert verdict.refusal is not None
    assert "mail.example.org" in verdict.refusal.text


@pytest.mark.parametrize("slow", [OURS.name, "_dmarc.mail.example.org"])
async def test_the_whole_ends_in_time_whatever_is_slow(stub: Stub, slow: str) -> None:
    exists(stub)
    stub.delays[slow] = 3600
    by = OURS if slow == OURS.name else ABOVE
    begun = time.monotonic()
    verdict = await weighed(stub, signed(mail(FROM), by), query_seconds=30.0, total_seconds=0.5)
    assert reply(verdict) == "451 4.4.3"
    assert time.monotonic() - begun < 10


async def test_slow_spf_leaves_time_for_the_rest(stub: Stub) -> None:
    exists(stub)
    stub.delays["bounce.example.org"] = 3600
    content = signed(mail(FROM), OURS)
    verdict = await weighed(stub, content, sender="x@bounce.example.org", query_seconds=30.0, total_seconds=4.0)
    assert (verdict.how, verdict.envelope) == ("dkim:mail.example.org", False)


async def test_many_at_once_keep_the_loop_awake(stub: Stub) -> None:
    checks = evidence(stub)
    publish(stub, OURS)
    contents = [signed(mail(FROM, body=f"{number}\r\n" * 20000), OURS) for number in range(6)]
    verdicts = await asyncio.gather(
        *(checks.weigh(author=FROM, peer=None, helo="x", sender="", content=content) for content in contents)
    )
    assert [verdict.how for verdict in verdicts] == ["dkim:mail.example.org"] * 6
