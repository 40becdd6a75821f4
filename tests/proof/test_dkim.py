"""DKIM: signatures made by dkimpy, keys from a real name server, and mail that wants to be something else."""

import asyncio
import base64
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from bridge.proof import dkim
from bridge.proof.dkim import Signature
from bridge.proof.dns import Resolver
from tests.proof.dns_stub import Stub, serving
from tests.proof.signing import Signer, mail, publish, signed, signer

NOW = time.time()
OURS = signer("example.org")
MAIL = mail("Anna <anna@example.org>", body="Pressure  0.4 bar \r\n\r\nsee  you\t\r\n\r\n\r\n")


def near(domain: str) -> int:
    return int(domain != "example.org")


async def here(call: Callable[[], bool]) -> bool:
    return await asyncio.to_thread(call)


async def checked(stub: Stub, content: bytes, *, patience: float = 10.0, **options: Any) -> tuple[Signature, ...]:
    options = {"nearness": near, "now": NOW, "in_thread": here, **options}
    return await dkim.check(Resolver([stub.address], patience=patience), content, **options)


async def why(stub: Stub, content: bytes, **options: Any) -> str:
    """What is wrong with the one signature."""
    (found,) = await checked(stub, content, **options)
    assert found.result == "fail"
    return found.why


@pytest.mark.parametrize("canonicalize", ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
@pytest.mark.parametrize(
    "body",
    [
        "Hello\r\n",
        "",
        "\r\n\r\n",
        " \t\r\n a  b \r\n\t\r\n\r\n",
        "no end",
        "  x  \t\r\n",
        "x\r\n" * 60000,
        "\r\n" * 80000 + "x" + " " * 70000 + "\r\n",
    ],
)
async def test_a_signed_mail_passes(stub: Stub, canonicalize: str, algorithm: str, body: str) -> None:
    by = signer("example.org", algorithm=algorithm)
    publish(stub, by)
    content = signed(mail("anna@example.org", body=body), by, canonicalize=canonicalize)
    assert await checked(stub, content) == (Signature(domain="example.org", result="pass"),)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"0.4 bar", b"9.4 bar"), (b"anna@", b"eva@"), (b"Pump", b"Bomb"), (b"\r\n\r\nPress", b"\r\n\r\n\r\nPress"),
     (b"Pressure  0.4", b"Pressure0.4"), (b"see  you", b"see  you\r\nmore")],
)  # fmt: skip
async def test_a_changed_mail_does_not(stub: Stub, old: bytes, new: bytes) -> None:
    publish(stub, OURS)
    content = signed(MAIL, OURS)
    assert old in content
    assert "changed" in await why(stub, content.replace(old, new))


async def test_what_relaxed_may_bear_it_bears(stub: Stub) -> None:
    publish(stub, OURS)
    content = signed(MAIL, OURS).replace(b"Pressure  0.4 bar \r\n", b"Pressure 0.4   bar\r\n")
    content = content.replace(b"Subject: Pump 3", b"SUBJECT:  Pump\r\n   3")
    (found,) = await checked(stub, content)
    assert found.result == "pass"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"length": True}, "l="),
        ({"headers": ["From", "To"]}, "leaves out"),
        ({"extra": [("x", "1000000000")]}, "expired"),
        ({"extra": [("x", "soon")]}, "expired"),
        ({"extra": [("x", "9" * 400)]}, "expired"),
    ],
)
async def test_signatures_that_do_not_count(stub: Stub, options: dict[str, Any], reason: str) -> None:
    publish(stub, OURS)
    assert reason in await why(stub, signed(MAIL, OURS, **options))


async def test_a_signature_with_time_left_counts(stub: Stub) -> None:
    publish(stub, OURS)
    (found,) = await checked(stub, signed(MAIL, OURS, extra=[("x", str(int(NOW) + 86400))]))
    assert found.result == "pass"
    assert "expired" in await why(stub, signed(MAIL, OURS, extra=[("x", str(int(NOW) + 86400))]), now=NOW + 2 * 86400)


async def test_a_subject_added_to_a_mail_without_one_is_not_signed(stub: Stub) -> None:
    publish(stub, OURS)
    content = signed(b"From: anna@example.org\r\n\r\nHello\r\n", OURS)
    assert (await checked(stub, content))[0].result == "pass"
    assert "leaves out" in await why(stub, content.replace(b"From:", b"Subject: Send money\r\nFrom:"))


@pytest.mark.parametrize("name", ["Subject", "From", "Content-Type", "Content-Transfer-Encoding", "Date", "subject"])
async def test_a_second_field_of_a_kind_is_not_hidden_by_a_signature(stub: Stub, name: str) -> None:
    publish(stub, OURS)
    content = signed(
        mail("anna@example.org", more=["Content-Type: text/plain", "Content-Transfer-Encoding: 7bit"]), OURS
    )
    assert (await checked(stub, content))[0].result == "pass"
    assert "twice" in await why(stub, f"{name}: other\r\n".encode() + content)


@pytest.mark.parametrize(
    "change",
    [lambda mail: mail.replace(b"Date:", b"From x\r\nDate:"), lambda mail: b"From x Thu\r\n" + mail,
     lambda mail: mail.replace(b"Date:", b"Date :"), lambda mail: mail.replace(b"Date:", b" \r\nno field\r\nDate:"),
     lambda mail: mail.replace(b"\r\nDate:", b"\nDate:"), lambda mail: mail.replace(b"see", b"\rsee"),
     lambda mail: mail.replace(b"\r\n", b"\n"), lambda mail: b" folded\r\n" + mail, lambda mail: b"\r\n" + mail,
     lambda mail: b": x\r\n" + mail, lambda _: b""],
)  # fmt: skip
async def test_a_header_that_others_may_read_otherwise_is_not_signed(
    stub: Stub, change: Callable[[bytes], bytes]
) -> None:
    publish(stub, OURS)
    assert await checked(stub, change(signed(MAIL, OURS))) == ()


def keyed(**tags: str) -> str:
    given = {"v": "DKIM1", "k": "rsa", "p": OURS.record.partition("p=")[2], **tags}
    return "; ".join(f"{name}={value}" for name, value in given.items() if value != "-")


def der(bits: int, exponent: int = 65537) -> str:
    """An RSA key nobody has the other half of."""

    def number(value: int) -> bytes:
        data = value.to_bytes(value.bit_length() // 8 + 1, "big")
        return b"\x02" + length(data) + data

    def length(data: bytes) -> bytes:
        size = len(data).to_bytes(2, "big")
        return b"\x82" + size

    inner = number((1 << (bits - 1)) + 1) + number(exponent)
    return base64.b64encode(b"\x30" + length(inner) + inner).decode()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (keyed(p=""), "revoked"),
        (keyed(p="-"), "no key"),
        (keyed(v="DKIM2"), "no key"),
        (keyed(k="ed25519"), "algorithm"),
        (keyed(k="dsa"), "algorithm"),
        (keyed(h="sha1"), "algorithm"),
        (keyed(s="tlsrpt"), "not for mail"),
        (keyed(t="y"), "tested"),
        (keyed(t="s:y"), "tested"),
        (keyed(p="!!!"), "cannot be read"),
        (keyed(p="AAAA"), "cannot be read"),
        (keyed(p=der(512)), "512 bits"),
        (keyed(p=der(1023)), "1023 bits"),
        (keyed(p=der(16384)), "16384 bits"),
        (keyed(p=der(4096, (1 << 4000) + 1)), "exponent"),
        (keyed(p=der(2048, 1)), "exponent"),
        (keyed(p=der(2048, 4)), "exponent"),
        (keyed(p=der(2048)), "changed"),
        (keyed(n="x" * 5000), "no key"),
        ("v=spf1 -all", "no key"),
        ("", "no key"),
    ],
)
async def test_keys_that_prove_nothing(stub: Stub, record: str, reason: str) -> None:
    publish(stub, OURS, record)
    begun = time.process_time()
    assert reason in await why(stub, signed(MAIL, OURS))
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "record",
    [
        keyed(v="-"),
        keyed(k="-"),
        keyed(h="sha1:sha256"),
        keyed(s="email"),
        keyed(s="*"),
        keyed(t="s"),
        keyed(n="a note"),
        keyed(g="*"),
        keyed(x="y"),
        keyed().replace("p=MIIB", "p=MI\tIB "),
    ],
)
async def test_keys_that_do(stub: Stub, record: str) -> None:
    publish(stub, OURS, record)
    assert (await checked(stub, signed(MAIL, OURS)))[0].result == "pass"


async def test_a_key_of_exactly_1024_bits_is_taken(stub: Stub) -> None:
    small = signer("example.org", bits=1024)
    publish(stub, small)
    assert (await checked(stub, signed(MAIL, small)))[0].result == "pass"


async def test_a_strict_key_needs_its_very_domain(stub: Stub) -> None:
    publish(stub, OURS, keyed(t="s"))
    assert "t=s" in await why(stub, signed(MAIL, OURS, identity="@mail.example.org"))
    publish(stub, OURS)
    assert (await checked(stub, signed(MAIL, OURS, identity="@mail.example.org")))[0].result == "pass"


async def test_two_keys_at_one_selector_are_none(stub: Stub) -> None:
    stub.add(OURS.name, "TXT", OURS.record, keyed())
    stub.records[OURS.name, "TXT"].append(signer("example.org", selector="other").record)
    assert "more than one" in await why(stub, signed(MAIL, OURS))


async def test_sha1_is_not_accepted(stub: Stub) -> None:
    old = signer("example.org", algorithm="rsa-sha1")
    publish(stub, old)
    assert "algorithm" in await why(stub, signed(MAIL, old))
    assert stub.asked == []


async def test_a_key_for_another_algorithm_is_not_used(stub: Stub) -> None:
    new = signer("example.org", algorithm="ed25519-sha256")
    publish(stub, new)
    assert "algorithm" in await why(stub, signed(MAIL, new).replace(b"a=ed25519-sha256", b"a=rsa-sha256"))


@pytest.mark.parametrize("fault", ["servfail", "silent", "garbage"])
async def test_trouble_with_the_key_is_temporary(stub: Stub, fault: Any) -> None:
    publish(stub, OURS)
    stub.fail(OURS.name, fault)
    (found,) = await checked(stub, signed(MAIL, OURS), patience=0.5)
    assert (found.domain, found.result) == ("example.org", "temperror")


def others(count: int) -> list[Signer]:
    return [signer(f"n{number}.example.net", bits=1024) for number in range(count)]


async def test_at_most_five_are_looked_at_and_the_nearest_of_them_first(stub: Stub) -> None:
    content = signed(MAIL, OURS)
    for by in others(7):
        publish(stub, by)
        content = signed(content, by)
    found = await checked(stub, content)
    assert [signature.result for signature in found] == ["fail", *["pass"] * 4]
    assert len(stub.asked) == 5
    publish(stub, OURS)
    assert await checked(stub, content) == (Signature(domain="example.org", result="pass"),)


async def test_a_bad_signature_of_ours_does_not_hide_a_good_one(stub: Stub) -> None:
    publish(stub, OURS)
    good = signed(MAIL, OURS)
    bad = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from:subject; bh=AAAA; b=AAAA\r\n"
    found = await checked(stub, bad * 2 + good)
    assert [signature.result for signature in found] == ["fail", "fail", "pass"]


SHAPES = [
    b"", b"v=1", b"d=example.org", b"v=1; a=rsa-sha256; d=example.org; s=s1; h=; bh=; b=",
    b"v=1; a=rsa-sha256; d=example.org; s=s1; h=from:subject; bh=%%; b=%%",
    b"v=2; a=rsa-sha256; d=example.org; s=s1; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; d=example.org; s=; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; d=example.org; s=a..b; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; d=example.org; s=s1; i=@example.net; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; d=example.org; s=s1; i=; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; c=odd/relaxed; d=example.org; s=s1; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; c=a/b/c; d=example.org; s=s1; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; d=example.org; s=s1; t=99999999999999; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; d=example.org; s=s1; t=" + b"9" * 5000 + b"; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; d=example.org; s=s1; q=http; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; d=\xc3\xa4.org; s=s1; h=from:subject; bh=AAAA; b=AAAA",
    b"v=1; a=rsa-sha256; d=org; s=s1; h=from:subject; bh=AAAA; b=AAAA",
]  # fmt: skip


@pytest.mark.parametrize("value", SHAPES)
async def test_row_44_a_signature_of_any_shape_is_not_authenticated(stub: Stub, value: bytes) -> None:
    publish(stub, OURS)
    found = await checked(stub, b"DKIM-Signature: " + value + b"\r\n" + MAIL)
    assert all(signature.result == "fail" for signature in found)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b" leading\r\nFrom: anna@example.org\r\n\r\n",
        b"Subject: x\r\n\r\nno From\r\n",
        b"no header at all",
    ],
)
async def test_row_44_mail_on_which_libraries_raise_is_not_authenticated(stub: Stub, content: bytes) -> None:
    signature = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from:subject; bh=AAAA; b=AAAA\r\n"
    for made in (content, content + signature, signature + content):
        assert all(found.result == "fail" for found in await checked(stub, made))


async def test_row_44_what_a_library_raises_is_not_authenticated(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(stub, OURS)

    def broken(*_: object) -> bool:
        raise RecursionError

    monkeypatch.setattr("dkim.DKIM.verify_sig", broken)
    assert "changed" in await why(stub, signed(MAIL, OURS))


def test_row_44_dkimpy_says_nothing_in_our_log(caplog: pytest.LogCaptureFixture) -> None:
    read = dkim._Mail.read(b"DKIM-Signature: " + SHAPES[4] + b"\r\n" + MAIL)
    assert read is not None
    (claim,) = read.claims()
    assert not read.verifies(claim, b"k=rsa; p=AAAA")
    assert caplog.records == []


@pytest.mark.parametrize("blanks", [b"\r\n " * 2600, b" " * 8000, b"\t\r\n " * 2000])
async def test_folding_that_would_keep_dkimpy_busy_is_refused(stub: Stub, blanks: bytes) -> None:
    publish(stub, OURS)
    value = b"v=1; a=rsa-sha256; d=example.org; s=s1; h=from:subject; bh=AAAA; b=" + blanks + b"AAAA"
    begun = time.process_time()
    assert "folded" in await why(stub, b"DKIM-Signature: " + value + b"\r\n" + MAIL)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("piece", [" ", "a ", "\r\n", " \r\n", " " * 16000 + "x\r\n", "\t a"])
async def test_a_body_of_a_mebibyte_takes_no_time(stub: Stub, piece: str) -> None:
    publish(stub, OURS)
    content = signed(MAIL, OURS)
    head, mark, _ = content.partition(b"\r\n\r\n")
    begun = time.process_time()
    assert "changed" in await why(stub, head + mark + (piece * (1 + (1 << 20) // len(piece))).encode())
    assert time.process_time() - begun < 3


GOOD = signed(MAIL, OURS)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=some.integers(0, GOOD.index(b"\r\n\r\n")),
    gone=some.integers(0, 30),
    put=some.binary(max_size=8)
    | some.sampled_from([b"\r\n", b"\r\n ", b"From: eve@example.net\r\n", b":", b";", b"b="]),
)
def test_no_change_of_the_header_makes_another_mail_pass(at: int, gone: int, put: bytes) -> None:
    content = GOOD[:at] + put + GOOD[at + gone :]

    async def run() -> tuple[Signature, ...]:
        async with serving() as stub:
            publish(stub, OURS)
            return await checked(stub, content)

    if any(signature.result == "pass" for signature in asyncio.run(run())):
        from bridge.text import read

        was, became = read(GOOD), read(content)
        assert (became.from_addresses, became.subject, became.text) == (was.from_addresses, was.subject, was.text)
