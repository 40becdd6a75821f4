"""Who may use a row: one proven fact suffices, an unproven one never does."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import text
from bridge.access import MOST_RECEIVED, Barred, Proof, barred, barred_from, inside, may_use
from bridge.routing import Allow
from tests.text import machines
from tests.text.make import mail

ALLOW = Allow(
    addresses=frozenset({"chief@example.com"}),
    domains=frozenset({"example.org"}),
    users=frozenset({"anna"}),
    networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")),
)


@pytest.mark.parametrize(
    ("proof", "allowed"),
    [
        (Proof(), False),
        (Proof(sender="chief@example.com"), True),
        (Proof(sender="other@example.com"), False),
        (Proof(sender="x@example.org"), True),
        (Proof(sender="x@sub.example.org"), False),
        (Proof(sender="x@example.org.evil.example.net"), False),
        (Proof(sender='"x@example.org"@example.net'), False),
        (Proof(sender='"x@example.net"@example.org'), True),
        (Proof(user="anna"), True),
        (Proof(user="Anna"), False),
        (Proof(user="bernd"), False),
        (Proof(user="bernd", sender="x@example.org"), True),
        (Proof(peer=ip_address("192.0.2.7")), True),
        (Proof(peer=ip_address("192.0.3.7")), False),
        (Proof(peer=ip_address("::ffff:192.0.2.7")), True),
        (Proof(peer=ip_address("::ffff:192.0.3.7")), False),
        (Proof(peer=ip_address("2001:db8::7")), True),
        (Proof(peer=ip_address("2001:db9::7")), False),
        (Proof(peer=ip_address("::192.0.2.7")), False),
    ],
)
def test_allow(proof: Proof, allowed: bool) -> None:
    assert may_use(ALLOW, proof) is allowed


@given(
    st.one_of(st.none(), st.ip_addresses()),
    st.one_of(st.none(), st.text()),
    st.one_of(st.none(), st.text()),
)
def test_an_empty_allow_lets_nobody_in(peer: object, user: str | None, sender: str | None) -> None:
    assert not may_use(Allow(), Proof(peer=peer, user=user, sender=sender))  # type: ignore[arg-type] # both kinds


@given(st.ip_addresses(v=4))
def test_a_mapped_address_counts_as_itself(address: object) -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("192.0.2.0/24"))
    mapped = ip_address(f"::ffff:{address}")
    assert inside(mapped, networks) is inside(ip_address(str(address)), networks)


def test_no_address_is_in_no_network() -> None:
    assert not inside(None, (ip_network("0.0.0.0/0"), ip_network("::/0")))


DOMAINS = ("sms.example.com", "sms.example.org")


def crossing(content: bytes, *, to_phones: bool = True, answers: bool = False) -> str:
    found = barred(text.read(content), to_phones=to_phones, answers=answers, domains=DOMAINS)
    return "" if found is None else f"{found.code} {found.status}"


@pytest.mark.parametrize("name", machines.AUTOMATIC)
def test_row_118_answers_of_machines_reach_no_phone_and_the_operator_does_get_them(name: str) -> None:
    assert crossing(machines.AUTOMATIC[name]) == "550 5.7.1"
    assert crossing(machines.AUTOMATIC[name], to_phones=False) == ""


@pytest.mark.parametrize("name", machines.ALARMS)
def test_row_117_alarms_cross(name: str) -> None:
    assert crossing(machines.ALARMS[name]) == crossing(machines.ALARMS[name], answers=True) == ""
    assert barred_from(Allow(), Proof(), text.read(machines.ALARMS[name])) is None


@pytest.mark.parametrize("subject", machines.ABSENT)
def test_row_116_a_subject_alone_counts_only_in_an_answer(subject: str) -> None:
    assert crossing(machines.absent(subject)) == ""
    assert crossing(machines.absent(subject), answers=True) == "550 5.7.1"
    assert crossing(machines.absent(subject, "In-Reply-To: <sms.1@sms.example.com>")) == "550 5.7.1"
    assert crossing(machines.absent(subject, "References: <sms.1@sms.example.com>")) == "550 5.7.1"
    assert crossing(machines.absent(subject), to_phones=False, answers=True) == ""


@pytest.mark.parametrize("subject", machines.ORDINARY)
def test_row_116_people_answer_under_any_other_subject(subject: str) -> None:
    assert crossing(mail(f"Subject: {subject}", "In-Reply-To: <sms.1@sms.example.com>"), answers=True) == ""


def test_row_119_hops_are_counted_for_everybody() -> None:
    hops = ["Received: from a by b"] * (MOST_RECEIVED + 1)
    assert crossing(mail(*hops)) == crossing(mail(*hops), to_phones=False) == "554 5.4.6"
    assert crossing(mail(*hops[1:])) == ""


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("X-Loop: sms.example.com", "554 5.4.6"),
        ("x-loop:  SMS.Example.Org ", "554 5.4.6"),
        ("X-Loop: elsewhere.example.net\r\nX-Loop: sms.example.com", "554 5.4.6"),
        ("X-Loop: elsewhere.example.net", ""),  # another bridge's
        ("X-Loop: tickets@sms.example.com", ""),
        ("X-Loop: sms.example.com.example.net", ""),
        ("X-Loop:", ""),
        ("X-SMS-Notification-Id: n1", "554 5.4.6"),  # whichever bridge it came from
        ("X-SMS-Notice: n1", ""),
    ],
)
def test_row_119_our_own_mark_on_the_way_to_a_phone(field: str, code: str) -> None:
    assert crossing(mail(field)) == code
    assert crossing(mail(field), to_phones=False) == ""


@pytest.mark.parametrize("name", machines.LISTS)
@pytest.mark.parametrize(
    ("allow", "passes"),
    [
        (Allow(addresses=frozenset({"team-bounces@lists.example.org"})), True),
        (Allow(domains=frozenset({"lists.example.org"})), False),
        (Allow(addresses=frozenset({"bernd@example.org"})), False),
        (Allow(users=frozenset({"anna"})), False),
        (Allow(networks=(ip_network("192.0.2.0/24"),)), False),
    ],
)
def test_row_118_list_mail_only_where_its_sender_is_named_in_full(name: str, allow: Allow, passes: bool) -> None:
    proof = Proof(peer=ip_address("192.0.2.7"), user="anna", sender="team-bounces@lists.example.org")
    found = barred_from(allow, proof, text.read(machines.LISTS[name]))
    assert (found is None) is passes
    assert passes or (isinstance(found, Barred) and (found.code, found.status) == (550, "5.7.1"))


def test_row_118_an_unproven_sender_is_named_nowhere() -> None:
    allow = Allow(addresses=frozenset({"team@example.org"}))
    assert barred_from(allow, Proof(), text.read(machines.LISTS["mailman"])) is not None
