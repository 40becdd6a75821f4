"""Who may write to whom, without a socket: what is decided at RCPT, and what waits for the mail itself."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from bridge import threads
from bridge.access import Proof
from bridge.config import Configuration, MailAuthenticationSettings, SmtpdSettings, User
from bridge.recipients import Answering, Phones
from bridge.routing import Allow
from bridge.smtpd.admission import NO_ANSWER, Pending, admit, peer_address, sender_proof, settle
from bridge.smtpd.contract import Peer, Reply
from bridge.smtpd.incoming import Incoming
from bridge.smtpd.intake import Forward, Target
from bridge.smtpd.returned import Bounced
from tests.given import ANNA, ANY, DOMAIN, KEY, LINE, configuration
from tests.make import NOW, PHONE

AUTHOR = "bernd@example.org"
CHECKED = MailAuthenticationSettings(check=True)
RELAYS = MailAuthenticationSettings(relays=(ip_network("192.0.2.0/24"),), authserv_id="mx.example.com")
NUMBER = f"436600000001@{DOMAIN}"


def given(**settings: Any) -> Configuration:
    return configuration(**{"smtpd": SmtpdSettings(), **settings})


def peer(host: str = "192.0.2.7", user: str | None = None) -> Peer:
    return Peer(host=host, port=1, mode="starttls", user=user)


def asked(
    recipient: str, sender: str = AUTHOR, host: str = "192.0.2.7", **settings: Any
) -> Reply | Target | Forward | Incoming | Bounced | Pending:
    return admit(given(**settings), peer(host), sender, recipient, NOW)


@pytest.mark.parametrize("authentication", [CHECKED, RELAYS], ids=["check", "relays"])
@pytest.mark.parametrize("recipient", [f"anna@{DOMAIN}", NUMBER, f"not-a-number@{DOMAIN}", f"r+sometoken@{DOMAIN}"])
def test_what_only_the_mail_can_prove_waits_for_it(authentication: MailAuthenticationSettings, recipient: str) -> None:
    assert isinstance(asked(recipient, mail_authentication=authentication), Pending)


@pytest.mark.parametrize(
    ("host", "authentication"),
    [
        ("192.0.2.7", MailAuthenticationSettings()),
        ("198.51.100.7", RELAYS),
        ("", RELAYS),
    ],
    ids=["off", "no relay", "a socket"],
)
def test_where_nothing_can_prove_it_the_answer_comes_at_once(
    host: str, authentication: MailAuthenticationSettings
) -> None:
    found = asked(f"anna@{DOMAIN}", host=host, mail_authentication=authentication)
    assert isinstance(found, Reply)
    assert (found.code, found.status) == (550, "5.7.1")
    assert "log in" in found.text


@pytest.mark.parametrize("recipient", ["anna@elsewhere.example", f"a%b@{DOMAIN}"])
def test_row_21_relaying_does_not_wait(recipient: str) -> None:
    found = asked(recipient, mail_authentication=CHECKED)
    assert isinstance(found, Reply)
    assert (found.code, found.text) == (550, "relaying denied")


def test_row_25_the_null_sender_proves_nothing_and_does_not_wait() -> None:
    found = asked(f"anna@{DOMAIN}", sender="", mail_authentication=CHECKED)
    assert isinstance(found, Reply)
    assert (found.code, found.status) == (550, "5.7.1")
    assert isinstance(asked(f"postmaster@{DOMAIN}", sender="", mail_authentication=CHECKED), Forward)


def test_a_row_that_only_a_network_or_a_login_may_use_does_not_wait() -> None:
    row = replace(ANNA, allow=Allow(users=frozenset({"anna"}), networks=(ip_network("203.0.113.0/24"),)))
    found = asked(f"anna@{DOMAIN}", rows=(row,), mail_authentication=CHECKED)
    assert isinstance(found, Reply)
    inside = admit(given(rows=(row,), mail_authentication=CHECKED), peer("203.0.113.9"), AUTHOR, f"anna@{DOMAIN}", NOW)
    assert isinstance(inside, Target)


def test_who_is_proven_already_does_not_wait_and_is_not_proven_otherwise() -> None:
    trusted = given(smtpd=SmtpdSettings(networks=(ip_network("192.0.2.0/24"),)), mail_authentication=CHECKED)
    found = admit(trusted, peer(), AUTHOR, f"anna@{DOMAIN}", NOW)
    assert isinstance(found, Target)
    assert (found.proof.sender, found.proof.how, found.proof.envelope) == (AUTHOR, "network", True)
    refused = admit(trusted, peer(), "eve@example.net", f"anna@{DOMAIN}", NOW)
    assert refused == Reply(550, "5.7.1", "this sender may not write to that address")


def test_an_unproven_sender_is_nobody() -> None:
    assert sender_proof(given(), peer(), AUTHOR) == Proof(peer=peer_address("192.0.2.7"))
    assert peer_address("") is None
    assert str(peer_address("fe80::1%eth0")) == "fe80::1"


@pytest.mark.parametrize(
    ("author", "code"), [(AUTHOR, 0), ("eve@example.net", 550), ("x@example.org.example.net", 550)]
)
def test_the_proven_author_gets_the_answer_that_rcpt_could_not_give(author: str, code: int) -> None:
    meaning = Phones(address=f"anna@{DOMAIN}", route=ANNA, numbers=(PHONE,))
    proof = Proof(sender=author, how="dkim:example.org")
    found = settle(given(), meaning, proof, NOW)
    if code:
        assert isinstance(found, Reply)
        assert found.code == code
    else:
        assert found == Target(address=meaning.address, route=ANNA, numbers=(PHONE,), proof=proof)


def test_a_number_that_is_none_is_told_to_its_author_only() -> None:
    pending = asked(f"not-a-number@{DOMAIN}", rows=(ANY,), mail_authentication=CHECKED)
    assert isinstance(pending, Pending)
    told = settle(given(), pending.meaning, Proof(sender=AUTHOR, how="spf:example.org"), NOW)
    assert isinstance(told, Reply)
    assert told.status == "5.1.3"
    stranger = settle(given(), pending.meaning, Proof(sender="eve@example.net", how="spf:example.net"), NOW)
    assert isinstance(stranger, Reply)
    assert stranger.status == "5.7.1"


@pytest.mark.parametrize(
    ("phone", "author", "found"),
    [
        (PHONE, AUTHOR, None),
        (PHONE, "eve@example.net", "5.1.1"),
        ("43900123456", AUTHOR, "5.7.1"),
        ("881612345678", AUTHOR, "5.7.1"),
    ],
    ids=["its mailbox", "another", "premium", "satellite"],
)
def test_row_58_a_token_opens_no_dear_number(phone: str, author: str, found: str | None) -> None:
    token = threads.token(KEY, threads.Answer(phone=phone, line=LINE), AUTHOR, NOW)
    meaning = Answering(address=f"r+{token}@{DOMAIN}", token=token)
    settled = settle(given(), meaning, Proof(sender=author, how="dkim:example.org"), NOW)
    if found is None:
        assert isinstance(settled, Target)
        assert settled.numbers == (phone,)
    else:
        assert isinstance(settled, Reply)
        assert settled.status == found
    forged = settle(given(), Answering(address="", token=token[:-1]), Proof(sender=AUTHOR, how="network"), NOW)
    assert forged == NO_ANSWER


def test_a_proof_counts_for_what_it_was_made_of_only() -> None:
    one = peer("127.0.0.1")
    trusting, strict = configuration(), given()
    inside = sender_proof(trusting, one, AUTHOR)
    assert inside.sender == AUTHOR
    assert sender_proof(trusting, one, AUTHOR) == inside
    assert sender_proof(trusting, one, "carla@example.org").sender == "carla@example.org"
    assert sender_proof(strict, one, "carla@example.org").sender is None  # the configuration was read anew
    anna = User(name="anna", hash="", addresses=frozenset({AUTHOR}), domains=frozenset())
    users = replace(strict, users={"anna": anna})
    assert sender_proof(users, one, AUTHOR).user is None
    one.user = "anna"
    assert sender_proof(users, one, AUTHOR).user == "anna"
    assert sender_proof(replace(users, users={}), one, AUTHOR).user is None
