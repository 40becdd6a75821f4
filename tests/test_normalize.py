"""One spelling: what means the same becomes the same, and what is no number is refused."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import normalize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Anna@Example.COM", "anna@example.com"),
        ("ANNA.B+c@sms.example.com", "anna.b+c@sms.example.com"),
        ('"anna"@example.com', "anna@example.com"),
        ('"anna b"@Example.com', '"anna b"@example.com'),
        ('"@"@example.com', '"@"@example.com'),
        ("anna@Bücher.example", "anna@xn--bcher-kva.example"),
        ("anna@BÜCHER.example", "anna@xn--bcher-kva.example"),
        ("anna@xn--BCHER-kva.example", "anna@xn--bcher-kva.example"),
        ("ÄNNA@example.com", "änna@example.com"),
        ("anna@straße.example", "anna@xn--strae-oqa.example"),
        ("anna@[192.0.2.1]", "anna@[192.0.2.1]"),
        ("Postmaster", "postmaster"),
        ("", ""),
        ("anna@\N{SNOWMAN}-.example", "anna@\N{SNOWMAN}-.example"),
    ],
)
def test_addresses(text: str, expected: str) -> None:
    assert normalize.address(text) == expected


@given(st.text(max_size=80))
def test_an_address_is_spelt_one_way_only_and_nothing_breaks(text: str) -> None:
    once = normalize.address(text)
    assert normalize.address(once) == once


def test_an_endless_domain_costs_nothing() -> None:
    assert normalize.address("a@" + "ü" * 100_000) == "a@" + "ü" * 100_000


@pytest.mark.parametrize(
    "text",
    [
        "+436600000012",
        "+43 660 0000012",
        "+43 (0) 660 0000012",
        "(+43) 660/0000012",
        "00436600000012",
        "0043-660-0000012",
        "06600000012",
        "0660/00 000-12",
        "(0660) 00.000.12",
        "436600000012",
        "43 660 0000012",
    ],
)
def test_many_spellings_of_one_number(text: str) -> None:
    assert normalize.number(text, "AT") == "436600000012"


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("015112345678", "DE", "4915112345678"),
        ("4915112345678", "AT", "4915112345678"),
        ("6600000012", "AT", "436600000012"),  # not valid as an international number, so national
        ("06 1234 5678", "IT", "390612345678"),
        ("(212) 555-0123", "US", "12125550123"),
        ("0041 79 000 00 12", "US", "41790000012"),  # 00 is international everywhere, as the design says
        ("+41 79 000 00 12", "AT", "41790000012"),
    ],
)
def test_national_and_international(text: str, country: str, expected: str) -> None:
    assert normalize.number(text, country) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "()",
        "144",
        "112",
        "828282",
        "anna",
        "1-800-FLOWERS",
        "+43660CALLNOW",
        "0660 0000012 ext 5",
        "0660 0000012;ext=5",
        "tel:+436600000012",
        "+43+6600000012",
        "436600000012+",
        "+0043660000012",
        "٠٦٦٠٠٠٠٠٠١٢",
        "+43٦٦٠٠٠٠٠٠١٢",
        "\N{FULLWIDTH DIGIT ZERO}6600000012",
        "\N{FULLWIDTH PLUS SIGN}436600000012",
        "+436600000012\N{RIGHT-TO-LEFT OVERRIDE}",
        "0660\N{NO-BREAK SPACE}0000012",
        "0660\t0000012",
        "0660\n0000012",
        "0660_0000012",
        "0660,0000012",
        "+4366000000120000000000",
        "0" * 10_000,
        "-" * 10_000,
        "+999123456789",
    ],
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(normalize.NotANumber) as caught:
        normalize.number(text, "AT")
    assert str(caught.value).startswith("it ")
    assert isinstance(caught.value, ValueError)


@settings(deadline=None)
@given(st.text(alphabet="+0123456789 -/.();extA٣\N{NO-BREAK SPACE}", max_size=30))
def test_a_number_is_digits_and_spelt_one_way_only(text: str) -> None:
    try:
        found = normalize.number(text, "AT")
    except normalize.NotANumber:
        return
    assert found.isascii()
    assert found.isdigit()
    assert len(found) <= 15
    assert normalize.number("+" + found, "AT") == normalize.number(found, "US") == found


@pytest.mark.parametrize(
    "local",
    ["+436600000012", "06600000012", "43.660.00-00-012", '"0660 0000012"', '"+43 (660) 0000012"', '"0660\\ 0000012"'],
)
def test_numbers_in_local_parts(local: str) -> None:
    assert normalize.number_from_local_part(local, "AT") == "436600000012"


@pytest.mark.parametrize("local", ['"anna"', '""', '"', "anna", '"0660"0000012"', '"+436600000012"@x', '0660"0000012'])
def test_local_parts_that_are_no_number(local: str) -> None:
    with pytest.raises(normalize.NotANumber):
        normalize.number_from_local_part(local, "AT")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+43 660 0000099", "436600000099"),
        ("436600000099", "436600000099"),
        ("06600000099", "436600000099"),
        ("0828270000001", "43828270000001"),
        ("43828270000001", "43828270000001"),
        ("828282", "828282"),
        ("15880", "15880"),  # never read as a subscriber in Vienna
        ("08282", "08282"),
        ("+43 999 999", "43999999"),
        ("0043999999", "43999999"),
    ],
)
def test_lines(text: str, expected: str) -> None:
    assert normalize.line(text, "AT") == expected


@pytest.mark.parametrize("text", ["", "INFO", "+43 660 CALL", "٨٢٨٢٨٢", "8282;82", "1" * 30])
def test_what_is_no_line(text: str) -> None:
    with pytest.raises(normalize.NotANumber):
        normalize.line(text, "AT")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("436600000012", "AT"),
        ("4915112345678", "DE"),
        ("41790000012", "CH"),
        ("12125550123", "US"),
        ("881612345678", None),
        ("828282", None),
        ("999", None),
        ("", None),
    ],
)
def test_regions(number: str, expected: str | None) -> None:
    assert normalize.region(number) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("436600000012", False),
        ("4315880", False),
        ("12125550123", False),
        ("43900123456", True),  # premium
        ("43828201234567", True),  # shared cost
        ("881612345678", True),  # satellite
        ("43800123456", True),  # toll-free: no phone is there
        ("144", True),
    ],
)
def test_numbers_that_may_cost_more(number: str, expected: bool) -> None:
    assert normalize.is_dear(number) is expected


def test_countries() -> None:
    assert normalize.is_country("AT")
    assert not normalize.is_country("at")
    assert not normalize.is_country("UK")
    assert {"AT", "DE", "CH"} <= normalize.countries()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("436601234567", "+43 660 1234567"),
        ("41790000012", "+41 79 000 00 12"),
        ("828282", "828282"),
        ("43999999", "43999999"),
        ("INFO", "INFO"),
        ("", ""),
    ],
)
def test_numbers_for_people(number: str, expected: str) -> None:
    assert normalize.display(number) == expected


def test_every_countrys_own_example_number_is_read_nationally_and_internationally() -> None:
    """Each region's example of a mobile number keeps its value in all the ways people write it."""
    seen = 0
    for country in sorted(normalize.countries()):
        example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
        if example is None:
            continue
        digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
        written = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        assert normalize.number(written, "AT") == digits, country
        assert normalize.number("00" + digits, country) == digits
        seen += 1
    assert seen > 200
