"""What an address at our door means; nothing is asked but the configuration."""

import pytest

from bridge.recipients import Answering, Nowhere, Operator, Phones, resolve
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
        f"bounce+m-1@{DOMAIN}",
        f"bounce+@{DOMAIN}",
    ],
)
def test_the_operator(recipient: str) -> None:
    found = resolve(HERE, recipient)
    assert isinstance(found, Operator)
    assert found.address.endswith(f"@{DOMAIN}")


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


def test_without_a_pattern_what_has_no_row_is_nowhere() -> None:
    found = resolve(configuration(rows=[ANNA]), f"436600000055@{DOMAIN}")
    assert isinstance(found, Nowhere)
    assert (found.code, found.status, found.route) == (550, "5.1.1", None)
