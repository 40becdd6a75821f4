"""Mail authentication as the door uses it: rows 41 to 44, with a real name server and mail signed here."""

import asyncio
import subprocess
import sys
from ipaddress import ip_address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from bridge.proof.mail import MailAuthentication, Verdict, believed
from tests.proof.dns_stub import Fault, Stub, serving
from tests.proof.signing import mail, publish, signed, signer

PEER = ip_address("192.0.2.3")
OURS, THEIRS = signer("example.org"), signer("example.net")
FROM = "anna@example.org"
ID = "mx.example.com"


async def checked(stub: Stub, content: bytes, *, sender: str = FROM, helo: str = "mail.example.org") -> Verdict:
    patience = 0.5 if {"silent", "garbage"} & set(stub.faults.values()) else 5.0
    proving = MailAuthentication(nameservers=[stub.address], query_seconds=patience)
    return await proving.check(peer=PEER, helo=helo, sender=sender, content=content)


def reply(verdict: Verdict) -> str:
    assert verdict.author is None
    assert verdict.how == ""
    assert not verdict.envelope
    assert verdict.refusal is not None
    assert verdict.refusal.text.isascii()
    assert len(verdict.refusal.text) > 20
    return f"{verdict.refusal.code} {verdict.refusal.status}"


def test_a_relay_is_believed_without_the_extra() -> None:
    script = """
import sys
for name in ("dns", "dkim", "nacl", "publicsuffixlist"):
    sys.modules[name] = None
from bridge.proof.mail import MailAuthentication, believed
content = b"Authentication-Results: mx.example.com; dkim=pass header.d=example.org\\r\\nFrom: a@example.org\\r\\n\\r\\n"
print(believed(content, authserv_id="mx.example.com", sender="").how)
try:
    MailAuthentication()
except ImportError:
    print("needs the extra")
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown.split("\n")[:2] == ["relay:dkim:example.org", "needs the extra"]


async def test_row_41_dkim_of_the_from_domain_proves_the_author(stub: Stub) -> None:
    publish(stub, OURS)
    verdict = await checked(stub, signed(mail("Anna <Anna@Example.ORG>"), OURS))
    assert verdict == Verdict(author=FROM, how="dkim:example.org", envelope=True, refusal=None)


async def test_row_41_spf_of_the_from_domain_proves_the_author(stub: Stub) -> None:
    stub.add("example.org", "TXT", f"v=spf1 ip4:{PEER} -all")
    verdict = await checked(stub, mail(FROM), sender="Bounces@Example.org")
    assert verdict == Verdict(author=FROM, how="spf:example.org", envelope=True, refusal=None)


async def test_row_41_spf_fail(stub: Stub) -> None:
    stub.add("example.org", "TXT", "v=spf1 -all")
    assert reply(await checked(stub, mail(FROM))) == "550 5.7.23"


async def test_row_41_spf_permanent_error(stub: Stub) -> None:
    stub.add("example.org", "TXT", "v=spf1 include:missing.example.org -all")
    assert reply(await checked(stub, mail(FROM))) == "550 5.7.24"


@pytest.mark.parametrize("fault", ["servfail", "silent", "garbage"])
async def test_row_41_spf_trouble_is_temporary(stub: Stub, fault: Fault) -> None:
    stub.fail("example.org", fault)
    assert reply(await checked(stub, mail(FROM))) == "451 4.7.24"


async def test_row_41_no_signature(stub: Stub) -> None:
    stub.add("example.org", "A", str(PEER))
    assert reply(await checked(stub, mail(FROM))) == "550 5.7.20"


@pytest.mark.parametrize("fault", ["servfail", "silent", "garbage"])
async def test_row_41_trouble_with_a_key_or_a_policy_is_temporary(stub: Stub, fault: Fault) -> None:
    stub.add("mail.example.org", "A", str(PEER))
    publish(stub, OURS)
    stub.fail("_dmarc.mail.example.org", fault)
    assert reply(await checked(stub, signed(mail("a@mail.example.org"), OURS), sender="")) == "451 4.4.3"
    stub.fail(OURS.name, fault)
    assert reply(await checked(stub, signed(mail(FROM), OURS), sender="")) == "451 4.4.3"


async def test_row_41_proven_but_not_for_from(stub: Stub) -> None:
    stub.add("example.org", "A", str(PEER))
    publish(stub, THEIRS)
    assert reply(await checked(stub, signed(mail(FROM), THEIRS))) == "550 5.7.1"


async def test_an_international_domain_is_proven_by_its_ascii_spelling(stub: Stub) -> None:
    stub.add("xn--bcher-kva.example.org", "TXT", f"v=spf1 ip4:{PEER} -all")
    verdict = await checked(stub, mail("anna@bücher.example.org"), sender="anna@bücher.example.org")
    assert verdict.author == "anna@xn--bcher-kva.example.org"


FORGED_FROM = [
    (b"", b"no From"),
    (b"From: anna@example.org\r\nFrom: eve@example.net\r\n", b"two"),
    (b"From: anna@example.org\r\nFROM : anna@example.org\r\n", b"twice the same"),
    (b"From: anna@example.org, eve@example.net\r\n", b"two addresses"),
    (b"From: Anna\r\n", b"none"),
    (b"From:\r\n", b"empty"),
    (b"From: undisclosed:;\r\n", b"group"),
    (b"From: <anna@example.org> <eve@example.net>\r\n", b"two brackets"),
    (b"From: anna@example.org (\r\n", b"open comment"),
    (b"From: =?utf-8?q?anna=40example.org?=\r\n", b"encoded address"),
    (b"From: anna@[192.0.2.1]\r\n", b"literal"),
    (b"From: anna@localhost\r\n", b"no domain"),
]


@pytest.mark.parametrize("field", [field for field, _ in FORGED_FROM], ids=[name.decode() for _, name in FORGED_FROM])
async def test_row_42_from_is_one_field_with_one_address(stub: Stub, field: bytes) -> None:
    content = field + b"Subject: x\r\n\r\nHello\r\n"
    assert reply(await checked(stub, content)) == "554 5.6.0"
    said = f"Authentication-Results: {ID}; dmarc=pass header.from=example.org\r\n".encode()
    assert reply(believed(said + content, authserv_id=ID, sender=FROM)) == "554 5.6.0"
    assert stub.asked == []


async def test_row_42_a_second_from_is_refused_though_a_signature_covers_one(stub: Stub) -> None:
    publish(stub, OURS)
    content = signed(mail(FROM), OURS)
    for made in (b"From: eve@example.net\r\n" + content, content.replace(b"To:", b"From: eve@example.net\r\nTo:")):
        assert reply(await checked(stub, made)) == "554 5.6.0"


async def test_a_header_beyond_the_bounds_is_not_read(stub: Stub) -> None:
    assert reply(await checked(stub, b"X: y\r\n" * 600 + mail(FROM))) == "552 5.3.4"
    assert reply(believed(b"X: " + b"y" * 9000 + b"\r\n" + mail(FROM), authserv_id=ID, sender="")) == "552 5.3.4"


def said(value: str, *, author: str = FROM, sender: str = "", above: str = "", below: str = "") -> Verdict:
    content = f"{above}Authentication-Results: {value}\r\n{below}".encode() + mail(author)
    return believed(content, authserv_id=ID, sender=sender)


@pytest.mark.parametrize(
    ("value", "sender", "how", "envelope"),
    [
        ("dmarc=pass (p=none) header.from=example.org", "", "relay:dmarc:example.org", False),
        ("dmarc=pass header.from=Example.ORG", "x@example.net", "relay:dmarc:example.org", False),
        ("dkim=pass header.d=example.org", "anna@example.org", "relay:dkim:example.org", True),
        ("dkim=pass header.i=@example.org header.s=s1", "", "relay:dkim:example.org", False),
        ("dkim=fail header.d=example.org; dkim=pass header.d=example.org", "", "relay:dkim:example.org", False),
        ("spf=pass smtp.mailfrom=anna@example.org", "anna@example.org", "relay:spf:example.org", True),
        ("spf=pass smtp.mailfrom=example.org", "anna@example.org", "relay:spf:example.org", True),
        ("spf=pass smtp.helo=example.org", "", "relay:spf:example.org", False),
        (
            "spf=pass smtp.mailfrom=x@example.net; dkim=pass header.d=example.org",
            "x@example.net",
            "relay:dkim:example.org",
            True,
        ),
        (
            "spf=fail smtp.mailfrom=x@example.net; dkim=pass header.d=example.org",
            "x@example.net",
            "relay:dkim:example.org",
            False,
        ),
    ],
)
def test_row_43_the_relay_is_believed(value: str, sender: str, how: str, envelope: bool) -> None:
    found = said(f"MX.example.com; {value}", sender=sender)
    assert found == Verdict(author=FROM, how=how, envelope=envelope, refusal=None)


@pytest.mark.parametrize(
    ("value", "sender"),
    [
        ("dkim=pass header.d=mail.example.org", ""),  # without the owner's record only the very domain
        ("dkim=pass header.d=org", ""),
        ("dkim=pass header.d=example.net header.i=@example.org", ""),
        ("dkim=pass header.d=example.org header.d=example.net", ""),
        ("dkim=pass", ""),
        ("dkim=pass header.from=example.org", ""),
        ("dmarc=pass header.from=example.net", ""),
        ("dmarc=pass header.d=example.org", ""),
        ("dmarc=bestguesspass header.from=example.org", ""),
        ("spf=pass smtp.mailfrom=anna@example.org", "x@example.net"),  # another envelope than ours
        ("spf=pass smtp.mailfrom=anna@example.org", ""),
        ("spf=pass smtp.helo=example.org", "anna@example.org"),
        ("spf=softfail smtp.mailfrom=anna@example.org", "anna@example.org"),
        ("arc=pass header.d=example.org", ""),
        ("x-dkim=pass header.d=example.org", ""),
        ("none", ""),
        ('spf=none reason="; dkim=pass header.d=example.org"', ""),
        ("spf=none (; dkim=pass header.d=example.org)", ""),
        ("spf=none smtp.mailfrom=\"; dkim=pass header.d=example.org\"@x.example", ""),
    ],
)  # fmt: skip
def test_row_43_what_does_not_prove_from_is_refused(value: str, sender: str) -> None:
    assert reply(said(f"{ID}; {value}", sender=sender)).startswith("550 5.7.")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("dkim=temperror header.d=example.org", "451 4.4.3"), ("dmarc=temperror header.from=example.org", "451 4.4.3"),
     ("spf=temperror smtp.mailfrom=example.org", "451 4.7.24"), ("spf=fail smtp.mailfrom=example.org", "550 5.7.23"),
     ("dkim=none", "550 5.7.20"), ("dkim=pass header.d=example.net", "550 5.7.1")],
)  # fmt: skip
def test_row_43_the_relays_doubts_are_ours(value: str, expected: str) -> None:
    assert reply(said(f"{ID}; {value}")) == expected


TRUE = f"Authentication-Results: {ID}; dkim=pass header.d=example.org\r\n"


def test_row_43_only_the_topmost_field_counts() -> None:
    other = "Authentication-Results: mx.example.net; dkim=pass header.d=example.org\r\n"
    none = f"Authentication-Results: {ID}; dkim=none\r\n"
    unread = "Authentication-Results: (\r\n"
    for top in (other, none, unread):
        content = (top + TRUE).encode() + mail(FROM)
        assert reply(believed(content, authserv_id=ID, sender=FROM)).startswith("550 5.7.")
    assert believed((TRUE + none).encode() + mail(FROM), authserv_id=ID, sender=FROM).author == FROM


@pytest.mark.parametrize(
    "value",
    [
        "mx.example.net; dkim=pass header.d=example.org",
        "xmx.example.com; dkim=pass header.d=example.org",
        "mx.example.com.example.net; dkim=pass header.d=example.org",
        "dkim=pass header.d=example.org",
    ],
)
def test_row_43_another_name_is_nothing(value: str) -> None:
    assert reply(said(value)) == "550 5.7.1"


def test_row_43_no_field_is_nothing_and_neither_is_one_in_the_body() -> None:
    content = mail(FROM)
    assert reply(believed(content, authserv_id=ID, sender=FROM)) == "550 5.7.1"
    assert reply(believed(content + TRUE.encode(), authserv_id=ID, sender=FROM)) == "550 5.7.1"


@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n", b"\r\n\r\n", b" leading blank\r\nFrom: anna@example.org\r\n\r\n", b"Subject: no From\r\n\r\nx\r\n",
     b"DKIM-Signature: x\r\n\r\n", b"\x00" * 100, b"\xff\xfe\r\n\r\n", b"From: anna@example.org", b":\r\n\r\n"],
)  # fmt: skip
async def test_row_44_bad_mail_is_not_authenticated(stub: Stub, content: bytes) -> None:
    reply(await checked(stub, content))
    reply(believed(content, authserv_id=ID, sender=FROM))


HEADER = some.lists(
    some.binary(max_size=60)
    | some.sampled_from(
        [
            b"From: anna@example.org",
            b"From: eve@example.net",
            b"from:",
            b" folded",
            b"DKIM-Signature: v=1; d=example.org",
            b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from; bh=AAAA; b=AAAA",
            b"Subject: x",
            b"From x",
            b"",
            b"Authentication-Results: mx.example.net; dkim=pass header.d=example.org",
            b"\r",
            b"\n",
            b"\x00:",
            b"Subject :",
        ]
    ),
    max_size=12,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=HEADER, sender=some.text(max_size=20) | some.just(FROM), helo=some.text(max_size=20))
def test_row_44_no_header_proves_anybody_without_a_key(lines: list[bytes], sender: str, helo: str) -> None:

    content = b"\r\n".join([*lines, b"", b"Hello", b""])

    async def run() -> Verdict:
        async with serving() as stub:
            publish(stub, OURS)
            return await checked(stub, content, sender=sender, helo=helo)

    reply(asyncio.run(run()))
    reply(believed(content, authserv_id=ID, sender=sender))
