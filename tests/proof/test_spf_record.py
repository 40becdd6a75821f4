"""The grammar of SPF records and macros (RFC 7208 sections 4.6, 5, 7, 12)."""

import time
from contextlib import suppress
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.proof import spf_record
from bridge.proof.spf_record import Malformed, Mechanism


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("v=spf1", True), ("V=SpF1 -all", True), ("v=spf10", False), ("v=spf1-all", False), ("v=spf2.0 all", False),
     (" v=spf1", False), ("v=spf1\t-all", False), ("", False)],
)  # fmt: skip
def test_only_version_1_followed_by_a_blank_is_a_record(text: str, is_one: bool) -> None:
    assert spf_record.is_record(text) is is_one


GOOD = {
    "all": Mechanism(result="pass", name="all"),
    "-ALL": Mechanism(result="fail", name="all"),
    "~include:example.org": Mechanism(result="softfail", name="include", target="example.org"),
    "?a": Mechanism(result="neutral", name="a"),
    "a/24": Mechanism(result="pass", name="a", prefix4=24),
    "a//64": Mechanism(result="pass", name="a", prefix6=64),
    "mx/0//0": Mechanism(result="pass", name="mx", prefix4=0, prefix6=0),
    "a:example.org/24//64": Mechanism(result="pass", name="a", target="example.org", prefix4=24, prefix6=64),
    "a:b/c.example.org": Mechanism(result="pass", name="a", target="b/c.example.org"),
    "a:b:c.example.org.": Mechanism(result="pass", name="a", target="b:c.example.org."),
    "mx:%{l2r/}.example.org/24": Mechanism(result="pass", name="mx", target="%{l2r/}.example.org", prefix4=24),
    "exists:%{i}": Mechanism(result="pass", name="exists", target="%{i}"),
    "exists:a%%": Mechanism(result="pass", name="exists", target="a%%"),
    "ptr": Mechanism(result="pass", name="ptr"),
    "ptr:example.org": Mechanism(result="pass", name="ptr", target="example.org"),
    "ip4:192.0.2.1": Mechanism(result="pass", name="ip4", network=ip_network("192.0.2.1/32")),
    "ip4:192.0.2.1/24": Mechanism(result="pass", name="ip4", network=ip_network("192.0.2.0/24")),
    "ip6:2001:DB8::1/32": Mechanism(result="pass", name="ip6", network=ip_network("2001:db8::/32")),
}


@pytest.mark.parametrize("term", GOOD)
def test_terms(term: str) -> None:
    assert spf_record.read(f"v=spf1 {term}").mechanisms == (GOOD[term],)


BAD = """
all:example.org -all/8 all. include include: include:/24 include:org include:a..123 a: a:/24 a:org a:example.123
a:example.-org a:example.org- a/33 a/024 a/-1 a/x a//129 a/24/64 a:example.org/ a:example.org// mx/ ptr/24 ptr: exists
exists:org ip4 ip4: ip4:1.2.3 ip4:1.2.3.4/33 ip4:1.2.3.4/ ip4:1.2.3.4/24/64 ip4:2001:db8::1 ip4:example.org
ip6:192.0.2.1 ip6:::1/129 ip6:: ip6:::1%eth0 ip4:١.2.3.4 redirect: -redirect=example.org redirect=org redirect= exp=
exp=%{c}.org redirect=a.org/24x+ unknown foo:bar a=%{z} a=%(l) a=% exists:%{l
exists:%{l0}.org exists:%{lx}.org exists:%{i}%{q}.org exists:%{t}.example.org exists:a.%{r}.org exists:%x.org
""".split()  # noqa: SIM905 - sixty lines of it would be harder to read


@pytest.mark.parametrize(
    "term",
    [
        *BAD,
        "a:exa\tmple.org",
        "-all\n",
        "a:\x7f.example.org",
        "redirect=a.org redirect=a.org",
        "exp=a.org exp=b.org",
        "a\xa0mx",
    ],
)
def test_a_mistake_anywhere_makes_the_record_worthless(term: str) -> None:
    with pytest.raises(Malformed):
        spf_record.read(f"v=spf1 ip4:192.0.2.0/24 {term} -all")


def test_modifiers_count_wherever_they_stand_and_unknown_ones_do_not() -> None:
    found = spf_record.read("v=spf1  redirect=_spf.example.org a  exp=why.example.org x-y.z_1=any%{t}thing/at:all ")
    assert [mechanism.name for mechanism in found.mechanisms] == ["a"]
    assert found.redirect == "_spf.example.org"


VALUES = {
    "s": "strong-bad@email.example.com",
    "l": "strong-bad",
    "o": "email.example.com",
    "d": "email.example.com",
    "i": "192.0.2.3",
    "p": "mx.example.org",
    "v": "in-addr",
    "h": "mail.example.net",
}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{D2}", "bad.strong.lp._spf.example.com"),
        ("%{S}.a", "strong-bad%40email.example.com.a"),
        ("%%a%_b%-.org", "%a b%20.org"),
        ("%{p}.%{h}", "mx.example.org.mail.example.net"),
        ("example.org.", "example.org"),
    ],
)
def test_macros_written_out(text: str, meant: str) -> None:
    assert spf_record.written_out(text, VALUES) == meant


def test_a_name_that_grew_too_long_is_cut_from_the_left() -> None:
    found = spf_record.written_out("%{l}.%{l}.%{l}.%{l}.example.org", {"l": "a" * 60 + ".b"})
    assert len(found) <= 253
    assert found.endswith(".b.example.org")


def test_uses_looks_into_macros_only() -> None:
    assert spf_record.uses("%{P}.org", "p")
    assert not spf_record.uses("p.%%{p}.%{d}.org", "p")


@given(some.text(some.sampled_from('v=spf1 all:/%{}i+-~?.0123456789abcdxmep\\\t"é'), max_size=60))
def test_nothing_but_malformed_is_raised(text: str) -> None:
    try:
        record = spf_record.read(f"v=spf1 {text}")
    except Malformed:
        return
    for mechanism in record.mechanisms:
        assert len(spf_record.written_out(mechanism.target, VALUES)) <= 253 or "." not in mechanism.target


@pytest.mark.parametrize(
    "piece", ["a:" + "/1" * 8000, "%{d}" * 4000, "a:" + "b." * 8000 + "!", "=" * 16000, "a-" * 8000]
)
def test_the_longest_record_takes_no_time(piece: str) -> None:
    begun = time.process_time()
    with suppress(Malformed):
        spf_record.read(f"v=spf1 {piece}")
    assert time.process_time() - begun < 2
