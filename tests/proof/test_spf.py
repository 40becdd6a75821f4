"""SPF against a real name server: every mechanism, every limit, every way to fail (RFC 7208).

Not here but passed when this was written: all 203 cases of the public suite for RFC 7208.
"""

import time
from ipaddress import ip_address
from typing import Any

import pytest

from bridge.proof import spf
from bridge.proof.dns import Resolver
from bridge.proof.spf import Spf
from tests.proof.dns_stub import Fault, Stub

PEER, PEER6 = "192.0.2.3", "2001:db8::3"


async def checked(
    stub: Stub, record: str | None = None, *, peer: str = PEER, patience: float = 5, **options: Any
) -> Spf:
    """SPF of anna@example.org, whose record is `record`."""
    if record is not None:
        stub.records["example.org", "TXT"] = [record]
    options = {"helo": "mail.example.net", "sender": "anna@example.org", "seconds": 20.0, **options}
    return await spf.check(Resolver([stub.address], patience=patience), peer=ip_address(peer), **options)


def zone(stub: Stub) -> None:
    stub.add("example.org", "A", "192.0.2.3", "192.0.2.200")
    stub.add("example.org", "AAAA", PEER6)
    stub.add("example.org", "MX", "10 mx1.example.org.", "20 mx2.example.org.")
    stub.add("mx1.example.org", "A", "198.51.100.1")
    stub.add("mx2.example.org", "A", "192.0.2.99")
    stub.add("mx2.example.org", "AAAA", "2001:db8::99")
    stub.add("far.example.org", "A", "198.51.100.7")
    stub.add("near.example.org", "A", PEER)
    stub.add("near.example.org", "AAAA", PEER6)
    stub.add("3.2.0.192.in-addr.arpa", "PTR", "liar.example.org.", "near.example.org.")
    stub.add(ip_address(PEER6).reverse_pointer, "PTR", "near.example.org.")
    stub.add("liar.example.org", "A", "198.51.100.9")
    stub.add("yes.example.net", "TXT", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all")
    stub.add("no.example.net", "TXT", "v=spf1 -all")
    stub.add("soft.example.net", "TXT", "v=spf1 ~all")
    stub.add("neutral.example.net", "TXT", "v=spf1")
    stub.add("bad.example.net", "TXT", "v=spf1 foo")
    stub.add("none.example.net", "TXT", "hello")
    stub.add("3.2.0.192.anna.ok.example.net", "A", "127.0.0.2")


TABLE = {
    "v=spf1 -all": "fail",
    "v=spf1 ~all": "softfail",
    "v=spf1 ?all": "neutral",
    "v=spf1": "neutral",
    "v=spf1 a -all": "pass",
    "v=spf1 -a +all": "fail",
    "v=spf1 a:near.example.org -all": "pass",
    "v=spf1 a:far.example.org -all": "fail",
    "v=spf1 a:far.example.org/16 ?all": "neutral",
    "v=spf1 a:mx2.example.org/24//64 -all": "pass",
    "v=spf1 mx -all": "fail",
    "v=spf1 mx/24//64 -all": "pass",
    "v=spf1 mx:nothing.example.org ?all": "neutral",
    "v=spf1 ip4:192.0.2.3 ip6:2001:db8::3 -all": "pass",
    "v=spf1 ip4:192.0.2.4 ip6:2001:db8::4 -all": "fail",
    "v=spf1 ptr -all": "pass",
    "v=spf1 ptr:near.example.org -all": "pass",
    "v=spf1 ptr:liar.example.org -all": "fail",
    "v=spf1 ptr:ear.example.org -all": "fail",
    "v=spf1 include:yes.example.net -all": "pass",
    "v=spf1 -include:yes.example.net ?all": "fail",
    "v=spf1 include:no.example.net ?all": "neutral",
    "v=spf1 include:soft.example.net ?all": "neutral",
    "v=spf1 include:neutral.example.net -all": "fail",
    "v=spf1 include:bad.example.net +all": "permerror",
    "v=spf1 include:none.example.net +all": "permerror",
    "v=spf1 include:missing.example.net +all": "permerror",
    "v=spf1 redirect=yes.example.net": "pass",
    "v=spf1 redirect=no.example.net": "fail",
    "v=spf1 redirect=none.example.net": "permerror",
    "v=spf1 redirect=missing.example.net ?all": "neutral",
    "v=spf1 a redirect=missing.example.net": "pass",
    "v=spf1 a:far.example.org a:a..b.example.org ?all": "neutral",
    "v=spf1 a foo": "permerror",
    "v=spf1 a ip4:1.2.3": "permerror",
    "v=spf1 include:%{d}.example.net +all": "permerror",
    "v=spf1 include:yes.%{d}.example.net redirect=yes.example.net": "permerror",
    "v=spf1 include:%{h2}.invalid +all": "permerror",
    "v=spf1 a:%{p} -all": "pass",
    "v=spf1 a:near.%{d2} -all": "pass",
}


@pytest.mark.parametrize("peer", [PEER, PEER6, f"::ffff:{PEER}"])
@pytest.mark.parametrize("record", TABLE)
async def test_every_mechanism(stub: Stub, record: str, peer: str) -> None:
    zone(stub)
    found = await checked(stub, record, peer=peer)
    assert (found.result, found.domain) == (TABLE[record], "example.org"), found.why


async def test_macros_ask_for_what_they_spell(stub: Stub) -> None:
    zone(stub)
    assert (await checked(stub, "v=spf1 exists:%{ir}.%{l}.ok.example.net -all")).result == "pass"
    assert (
        await checked(stub, "v=spf1 exists:%{ir}.%{l}.ok.example.net -all", sender="eve@example.org")
    ).result == "fail"
    assert (await checked(stub, "v=spf1 exists:%{i}.x%{v}.example.net ?all", peer=PEER6)).result == "neutral"
    assert ("2.0.0.1.0.d.b.8." + "0." * 23 + "3.xip6.example.net", "A", "udp") in stub.asked


@pytest.mark.parametrize(
    ("sender", "helo", "result", "domain"),
    [
        ("", "yes.example.net", "pass", "yes.example.net"),
        ("", "no.example.net", "fail", "no.example.net"),
        ("", "[192.0.2.3]", "none", "[192.0.2.3]"),
        ("", "localhost", "none", "localhost"),
        ("", "", "none", ""),
        ("@yes.example.net", "x", "pass", "yes.example.net"),
        ("anna@YES.example.net.", "x", "pass", "yes.example.net"),
        ('"a@no.example.net"@yes.example.net', "x", "pass", "yes.example.net"),
        ("anna@a..example.net", "x", "none", "a..example.net"),
        ("anna@missing.example.net", "x", "none", "missing.example.net"),
        ("anna@none.example.net", "x", "none", "none.example.net"),
        ("anna@exämple.net", "x", "none", "exämple.net"),
        (f"anna@{'a' * 64}.example.net", "x", "none", f"{'a' * 64}.example.net"),
    ],
)
async def test_the_identity(stub: Stub, sender: str, helo: str, result: str, domain: str) -> None:
    zone(stub)
    found = await checked(stub, sender=sender, helo=helo)
    assert (found.result, found.domain) == (result, domain)


async def test_two_records_are_an_error_and_other_texts_are_not_looked_at(stub: Stub) -> None:
    stub.add("example.org", "TXT", "v=spf1 +all", "v=spf10 -all", b"\x96", "v=DMARC1")
    assert (await checked(stub)).result == "pass"
    stub.add("example.org", "TXT", "V=SPF1 +all")
    assert (await checked(stub)).result == "permerror"


@pytest.mark.parametrize("fault", ["servfail", "silent", "garbage"])
@pytest.mark.parametrize(
    "record",
    [
        None,
        "v=spf1 a:broken.example.org +all",
        "v=spf1 mx:broken.example.org +all",
        "v=spf1 exists:broken.example.org +all",
        "v=spf1 include:broken.example.org +all",
        "v=spf1 redirect=broken.example.org",
        "v=spf1 mx:half.example.org +all",
    ],
)
async def test_trouble_anywhere_is_a_temporary_error(stub: Stub, record: str | None, fault: Fault) -> None:
    stub.add("half.example.org", "MX", "10 broken.example.org.")
    stub.fail("broken.example.org", fault)
    if record is None:
        stub.fail("example.org", fault)
    assert (await checked(stub, record, patience=0.4)).result == "temperror"


async def test_trouble_with_the_reverse_zone_is_no_match(stub: Stub) -> None:
    zone(stub)
    stub.fail("liar.example.org")
    assert (await checked(stub, "v=spf1 ptr -all")).result == "pass"
    stub.fail("3.2.0.192.in-addr.arpa")
    assert (await checked(stub, "v=spf1 ptr -all")).result == "fail"


async def test_ten_terms_may_ask_and_not_eleven(stub: Stub) -> None:
    stub.add("example.org", "A", "198.51.100.1")
    assert (await checked(stub, "v=spf1 " + "a " * 10 + "-all")).result == "fail"
    assert (await checked(stub, "v=spf1 " + "a " * 11 + "-all")).result == "permerror"


async def test_the_limit_spans_included_records(stub: Stub) -> None:
    stub.add("example.org", "A", "198.51.100.1")
    stub.add("many.example.org", "TXT", "v=spf1 " + "a:example.org " * 8)
    assert (await checked(stub, "v=spf1 include:many.example.org a -all")).result == "fail"
    assert (await checked(stub, "v=spf1 include:many.example.org a a -all")).result == "permerror"


@pytest.mark.parametrize("record", ["v=spf1 include:example.org -all", "v=spf1 redirect=example.org"])
async def test_a_record_that_names_itself_ends(stub: Stub, record: str) -> None:
    assert (await checked(stub, record)).result == "permerror"


async def test_two_questions_may_be_in_vain_and_not_three(stub: Stub) -> None:
    vain = " ".join(f"a:nothing{number}.example.org" for number in range(3))
    assert (await checked(stub, f"v=spf1 {vain.rpartition(' ')[0]} ?all")).result == "neutral"
    assert (await checked(stub, f"v=spf1 {vain} ?all")).result == "permerror"


async def test_mail_servers_without_our_family_are_not_in_vain(stub: Stub) -> None:
    zone(stub)
    for name in ("mx3", "mx4", "mx5"):
        stub.add("example.org", "MX", f"30 {name}.example.org.")
        stub.add(f"{name}.example.org", "A", "198.51.100.4")
    assert (await checked(stub, "v=spf1 mx ip6:2001:db8::3 -all", peer=PEER6)).result == "pass"


async def test_ten_mail_servers_and_not_eleven(stub: Stub) -> None:
    for number in range(10):
        stub.add("example.org", "MX", f"{number} mx{number}.example.org.")
        stub.add(f"mx{number}.example.org", "A", "192.0.2.3" if number == 9 else "198.51.100.1")
    assert (await checked(stub, "v=spf1 mx -all")).result == "pass"
    stub.add("example.org", "MX", "99 mx99.example.org.")
    assert (await checked(stub, "v=spf1 mx -all")).result == "permerror"


async def test_names_of_the_peer_beyond_ten_are_not_looked_at(stub: Stub) -> None:
    stub.add("3.2.0.192.in-addr.arpa", "PTR", *(f"n{number}.example.net." for number in range(40)))
    await checked(stub, "v=spf1 ptr -all")
    assert sum(kind == "A" for _, kind, _ in stub.asked) == 10


async def test_the_whole_has_a_deadline(stub: Stub) -> None:
    record = "v=spf1"
    for number in range(9):
        stub.add(f"slow{number}.example.org", "A", "198.51.100.1")
        stub.delays[f"slow{number}.example.org"] = 0.4
        record += f" a:slow{number}.example.org"
    begun = time.monotonic()
    found = await checked(stub, f"{record} +all", seconds=0.6)
    assert (found.result, found.why) == ("temperror", "it took too long")
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    ("record", "everybody"),
    [("v=spf1 +all", True), ("v=spf1 include:all.example.net -all", True), ("v=spf1 redirect=all.example.net", True),
     ("v=spf1 ip4:0.0.0.0/0 -all", True), ("v=spf1 a/0 -all", True), ("v=spf1 ip4:192.0.2.3 +all", False),
     ("v=spf1 include:yes.example.net +all", False), ("v=spf1 -all", False), ("v=spf1 ?all", False)],
)  # fmt: skip
async def test_a_record_that_lets_everybody_pass_is_told(stub: Stub, record: str, everybody: bool) -> None:
    zone(stub)
    stub.add("all.example.net", "TXT", "v=spf1 all")
    assert (await checked(stub, record)).everybody is everybody
