"""Addresses, domains, patterns, numbers and originators: what is read, and what is said of what cannot be."""

import pytest

from bridge.config import addresses
from tests.config import setup


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("Anna@Example.COM", "anna@example.com"),
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ('"anna b"@example.com', '"anna b"@example.com'),
        ("root@localhost", "root@localhost"),
        ("a@office.local", "a@office.local"),
    ],
)
def test_an_address(written: str, address: str) -> None:
    assert addresses.mail_address(written, setup.place()) == address


@pytest.mark.parametrize(
    "written", ["anna", "anna@", "@example.com", "a b@example.com", "anna@example", "*@example.com", ""]
)
def test_what_is_no_address(written: str) -> None:
    setup.refusal(addresses.mail_address, written)


@pytest.mark.parametrize(("written", "domain"), [("SMS.Example.com", "sms.example.com"), ("localhost", "localhost")])
def test_a_domain(written: str, domain: str) -> None:
    assert addresses.domain(written, setup.place()) == domain


@pytest.mark.parametrize("written", ["a@example.com", "example", "exa mple.com", "-x.example.com", "*.example.com"])
def test_what_is_no_domain(written: str) -> None:
    setup.refusal(addresses.domain, written)


def test_all_of_a_domain_is_possible_and_everybody_is_not() -> None:
    assert addresses.address_or_domain("*@Example.org", setup.place()) == "*@example.org"
    assert addresses.address_or_domain("Anna@example.org", setup.place()) == "anna@example.org"
    for everybody in ("*", "*@", "*@*", "*@*.org", "@", "**"):
        assert "everybody" in setup.refusal(addresses.address_or_domain, everybody).message
    for odd in ("a*@example.org", "*@example.*"):
        setup.refusal(addresses.address_or_domain, odd)


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("*@SMS.example.com", "*@sms.example.com"),
        ("Alarm-*@sms.example.com", "alarm-*@sms.example.com"),
        ("anna@sms.example.com", "anna@sms.example.com"),
    ],
)
def test_a_pattern(written: str, pattern: str) -> None:
    assert addresses.pattern(written, setup.place()) == pattern


@pytest.mark.parametrize(
    "written", ["**@sms.example.com", "a@*.example.com", '"*"@sms.example.com', "*", "* @example.com"]
)
def test_what_is_no_pattern(written: str) -> None:
    setup.refusal(addresses.pattern, written)


def test_what_the_bridge_needs_itself() -> None:
    for local in ("postmaster", "abuse", "check+1", "check+*", "bounce+x", "r+token"):
        assert addresses.is_reserved(f"{local}@sms.example.com")
    for local in ("anna", "*", "check", "r", "bounce", "postmaster2"):
        assert not addresses.is_reserved(f"{local}@sms.example.com")


def test_a_phone_is_a_number_and_a_line_may_be_short() -> None:
    assert addresses.phone("0660 0000001", setup.place()) == "436600000001"
    assert addresses.line("0660 0000001", setup.place()) == "436600000001"
    assert addresses.line("12345", setup.place()) == "12345"
    for value in ("123", "anna", "", 436600000001):
        setup.refusal(addresses.phone, value)
    for value in ("anna", "", 12345):
        setup.refusal(addresses.line, value)


@pytest.mark.parametrize(
    ("written", "sender"),
    [
        ("+43 660 0000099", "436600000099"),
        ("12345", "12345"),
        ("Firma", "Firma"),
        ("A 1", "A 1"),
        ("Firma & Co", "Firma & Co"),
    ],
)
def test_an_originator(written: str, sender: str) -> None:
    assert addresses.originator(written, setup.place()) == sender


@pytest.mark.parametrize("written", ["Firma und Söhne", "Größe", "LongerThan11", "12", "...", ""])
def test_what_is_no_originator(written: str) -> None:
    setup.refusal(addresses.originator, written)


def test_a_country() -> None:
    assert addresses.country("AT", setup.place()) == "AT"
    assert "AT" in setup.refusal(addresses.country, "at").hint
    for value in ("XX", "Austria", "", 43):
        setup.refusal(addresses.country, value)


@pytest.mark.parametrize(
    ("written", "read"),
    [("AT", "AT"), ("+4175", "+4175"), ("+43 660", "+43660"), ("+43 (660)", "+43660"), ("+1", "+1")],
)
def test_a_country_or_a_prefix(written: str, read: str) -> None:
    assert addresses.country_or_prefix(written, setup.place()) == read


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("at", "«at» is not a country"),
        ("Austria", "«Austria» is not a country"),
        ("+4", "it does not begin with the code of a country"),
        ("+88", "it does not begin with the code of a country"),
        ("+8816", "nothing is ever sent to these numbers"),
        ("+43900", "nothing is ever sent to these numbers"),
        ("0041", "it is not + and digits"),
        ("43", "it is not + and digits"),
        ("+43*", "it is not + and digits"),
        ("+٤٣", "it is not + and digits"),
    ],
)
def test_what_is_neither_a_country_nor_a_prefix(written: str, message: str) -> None:
    assert message in setup.refusal(addresses.country_or_prefix, written).message


def test_the_country_of_national_numbers_is_no_prefix() -> None:
    assert setup.refusal(addresses.country, "+43").message == "«+43» is not a country"
