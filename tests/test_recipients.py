"""What an address at our door means; nothing is asked but the configuration."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.recipients import Answering, Nowhere, Operator, Phones, Returning, is_answer, resolve
from tests.given import ANNA, ANY, DOMAIN, GROUP, configuration

HERE = configuration()


@pytest.mark.parametrize(
    ("recipient", "route", "numbers"),
    [
        (f"anna@{DOMAIN}", ANNA, ANNA.numbers),
        (f"Anna@{DOMAIN.upper()}", ANNA, ANNA.numbers),
        (f"team@{DOMAIN}", GROUP, GROUP.numbers),
        (f"+436600000055@{DOMAIN}", ANY, ("436600000055",)),
        (f"0660.000-0055@{DOMAIN}", ANY, ("436600000055",)),
        (f'"0660 0000055"@{DOMAIN}', ANY, ("436600000055",)),
    ],
)
def test_phones(recipient: str, route: object, numbers: tuple[str, ...]) -> None:
    found = resolve(HERE, recipient)
    assert isinstance(found, Phones)
    assert (found.route, found.numbers) == (route, numbers)


@pytest.mark.parametrize(
    "recipient",
    [
        "postmaster",
        "POSTMASTER",
        f"postmaster@{DOMAIN}",
        f"Abuse@{DOMAIN}",
    ],
)
def test_the_operator(recipient: str) -> None:
    found = resolve(HERE, recipient)
    assert isinstance(found, Operator)
    assert found.address.endswith(f"@{DOMAIN}")


@pytest.mark.parametrize(
    ("recipient", "token"),
    [("bounce+M-1.AbC", "M-1.AbC"), ("BOUNCE+m-1.abc", "m-1.abc"), ('"bounce+M-1.x"', "m-1.x"), ("bounce+", "")],
)
def test_where_bounces_come_back_to_is_not_opened_here(recipient: str, token: str) -> None:
    found = resolve(HERE, f"{recipient}@{DOMAIN}")
    assert isinstance(found, Returning)
    assert found.token == token


def test_an_answer_is_not_opened_here() -> None:
    assert resolve(HERE, f"R+ABC@{DOMAIN}") == Answering(address=f"r+abc@{DOMAIN}", token="abc")


@pytest.mark.parametrize(
    ("recipient", "code", "has_row"),
    [
        ("anna@other.example.com", "550 5.7.1", False),
        ("anna@example.org", "550 5.7.1", False),
        (f"user%other.example.com@{DOMAIN}", "550 5.7.1", False),  # three ways to ask for a relay
        (f"other.example.com!user@{DOMAIN}", "550 5.7.1", False),
        (f'"a@b"@{DOMAIN}', "550 5.7.1", False),
        (f'"user@other.example.com"@{DOMAIN}', "550 5.7.1", False),
        (f"check+1@{DOMAIN}", "550 5.1.1", False),  # reserved, whatever pattern would take it
        (f"check+436600000055@{DOMAIN}", "550 5.1.1", False),
        (f"CHECK+1@{DOMAIN}", "550 5.1.1", False),
        (f"nonsense@{DOMAIN}", "550 5.1.3", True),
        (f"+4915112345678@{DOMAIN}", "550 5.7.1", True),  # a country the row does not send to
        (f"+43900123456@{DOMAIN}", "550 5.7.1", True),  # dear
    ],
)
def test_nowhere(recipient: str, code: str, has_row: bool) -> None:
    found = resolve(HERE, recipient)
    assert isinstance(found, Nowhere)
    assert f"{found.code} {found.status}" == code
    assert (found.route == ANY) is has_row
    assert found.text


@pytest.mark.parametrize(
    ("countries", "number", "code"),
    [
        (("AT",), "+436600000055", ""),
        (("AT",), "+4315880", ""),
        (("AT",), "+41790000012", "550 5.7.1"),
        (("AT", "+4179"), "+41790000012", ""),
        (("AT", "+4179"), "+41780000012", "550 5.7.1"),
        (("+43660",), "+436600000055", ""),
        (("+43660",), "+436640000055", "550 5.7.1"),
        (("US",), "+12125550123", ""),
        (("US",), "+12423591234", "550 5.7.1"),  # the Bahamas
        (("DE", "+49"), "+499001234567", "550 5.7.1"),  # dear, whatever is allowed
        (("GB", "+44"), "+447012345678", "550 5.7.1"),
        (("AT", "+43"), "+43900123456", "550 5.7.1"),
        (("AT", "DE", "+1"), "+881612345678", "550 5.7.1"),
        (("AT", "DE", "+1"), "+870773111632", "550 5.7.1"),
    ],
)
def test_row_57_countries_and_prefixes_of_a_row(countries: tuple[str, ...], number: str, code: str) -> None:
    row = replace(ANY, countries=countries)
    found = resolve(configuration(rows=[row]), f"{number}@{DOMAIN}")
    assert (f"{found.code} {found.status}" if isinstance(found, Nowhere) else "") == code


def test_row_57_a_number_the_table_names_is_the_operators_choice() -> None:
    row = replace(ANNA, numbers=("881612345678",))
    assert isinstance(resolve(configuration(rows=[row]), f"anna@{DOMAIN}"), Phones)


@pytest.mark.parametrize("local", ["112", "144", "0144", "+43144", "00112", "828282", "118877", "0043133"])
def test_row_58_emergency_and_short_numbers(local: str) -> None:
    found = resolve(HERE, f"{local}@{DOMAIN}")
    assert isinstance(found, Nowhere)
    assert (found.code, found.status) in {(550, "5.1.3"), (550, "5.7.1")}


@given(st.text(alphabet='+0123456789 -/.();=extA٣٦०\N{NO-BREAK SPACE}\N{RIGHT-TO-LEFT OVERRIDE}@"\\\\', max_size=24))
def test_row_59_a_local_part_is_a_home_number_in_ascii_or_nothing(local: str) -> None:
    found = resolve(HERE, f"{local}@{DOMAIN}")
    if isinstance(found, Phones):
        (number,) = found.numbers
        assert found.address.isascii()
        assert number.isascii()
        assert number.isdigit()
        assert number.startswith("43")
        assert not set(local) - set('+0123456789 -/.()"\\\\')
    elif isinstance(found, Nowhere):
        assert found.code == 550


@pytest.mark.parametrize(
    ("address", "expected"), [("r+abc@x", True), ("r+@x", True), ("ra+b@x", False), ("+r@x", False)]
)
def test_an_answer_address_is_known_by_its_beginning(address: str, expected: bool) -> None:
    assert is_answer(address) is expected


def test_without_a_pattern_what_has_no_row_is_nowhere() -> None:
    found = resolve(configuration(rows=[ANNA]), f"436600000055@{DOMAIN}")
    assert isinstance(found, Nowhere)
    assert (found.code, found.status, found.route) == (550, "5.1.1", None)
