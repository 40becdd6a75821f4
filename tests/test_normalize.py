"""One spelling: what means the same becomes the same, and what is no number is refused."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import normalize
from bridge.routing import Route


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
        ("\N{KELVIN SIGN}arl@example.com", "\N{KELVIN SIGN}arl@example.com"),  # another mailbox than karl's
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
        "+436600000012\N{ZERO WIDTH SPACE}",
        "\N{RIGHT-TO-LEFT MARK}+436600000012",
        "0660\N{EN DASH}0000012",
        "０６６０0000012",
        "०६६०००००००१२",
        "+436600000012;phone-context=+43",
        "+436600000012,,5",
        "+436600000012p5",
        "+436600000012#",
        "*43*06600000012#",
    ],
)
def test_row_59_what_is_no_number(text: str) -> None:
    with pytest.raises(normalize.NotANumber) as caught:
        normalize.number(text, "AT")
    assert str(caught.value).startswith("it ")
    assert isinstance(caught.value, ValueError)


@settings(deadline=None)
@given(st.text(alphabet="+0123456789 -/.();extA٣\N{NO-BREAK SPACE}", max_size=30))
def test_row_59_whatever_is_written_a_number_is_ascii_digits_and_spelt_one_way_only(text: str) -> None:
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
    "number", ["436600000012", "4315880", "4350123456", "43720123456", "12125550123", "41790000012"]
)
def test_numbers_that_cost_what_an_sms_costs(number: str) -> None:
    assert not normalize.is_dear(number)


@pytest.mark.parametrize(
    "number",
    [
        "43900123456",  # premium, Austria
        "43901123456",
        "43930123456",
        "43931123456",
        "43939123456",
        "43810123456",  # shared cost
        "43820123456",
        "43821123456",
        "43828201234567",
        "43800123456",  # toll-free: no phone is there
        "4990012345678",  # premium, Germany
        "4918012345",  # shared cost
        "4970012345678",  # personal
        "4916412345",  # pager
        "49177991234567",  # voice mail
        "41900123456",
        "41840123456",
        "41860123456789",
        "447012345678",  # personal, as dear as premium
        "447640123456",  # pager
        "445512345678",  # company-wide
        "391781234567",
        "19002345678",
        "15002345678",
        "80012345678",  # of no country
        "80812345678",
        "870773111632",  # a ship
        "878101234567890",
        "881612345678",  # Iridium; the metadata calls it a valid mobile
        "881812345678",
        "8821612345678",  # Thuraya
        "883510012345678",
        "88812345678",
        "979123456789",
        "99112345678",
        "388312345678",
        "112",  # emergency
        "144",
        "43112",
        "43144",
        "118877",
        "828282",  # a short code
        "43",
        "",
    ],
)
def test_row_58_numbers_that_may_cost_more_or_are_no_phone(number: str) -> None:
    assert normalize.is_dear(number)


def test_row_58_no_number_without_a_country_is_anything_but_dear() -> None:
    codes = [code for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items() if regions == ("001",)]
    assert len(codes) >= 9
    for code in codes:
        for length in range(4, 15 - len(str(code))):
            for start in ("", "0", "1", "16", "35", "51", "6", "8", "9"):
                digits = f"{code}{start}" + "1" * (length - len(start))
                assert normalize.is_dear(digits), digits


def test_row_58_only_usual_types_of_numbers_are_not_dear() -> None:
    """Every country's own example of every type; twelve types, and metadata that is not ours."""
    kinds = {value: name for name, value in vars(phonenumbers.PhoneNumberType).items() if isinstance(value, int)}
    usual = {"MOBILE", "FIXED_LINE", "FIXED_LINE_OR_MOBILE", "VOIP"}
    seen = 0
    for country in sorted(normalize.countries()):
        for kind in kinds:
            example = phonenumbers.example_number_for_type(country, kind)
            if example is None:
                continue
            digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
            is_of = kinds[phonenumbers.number_type(example)]  # some plans cannot tell two types apart
            assert normalize.is_dear(digits) is (is_of not in usual or normalize.region(digits) is None), digits
            seen += 1
    assert seen > 1000


def test_row_58_emergency_and_short_numbers_are_no_numbers_in_any_country() -> None:
    """Not even where subscribers have few digits: nobody writes an SMS to the fire brigade by mail."""
    known = ("110", "111", "112", "117", "118", "119", "122", "133", "141", "144", "147", "911", "999", "000", "1450")
    for country in sorted(normalize.countries()):
        code = phonenumbers.country_code_for_region(country)
        for digits in known:
            for spelling in (digits, f"+{code}{digits}", f"00{code}{digits}"):
                assert _unread(spelling, country), (spelling, country)


def _unread(text: str, country: str) -> bool:
    try:
        return normalize.is_dear(normalize.number(text, country))
    except normalize.NotANumber:
        return True


@pytest.mark.parametrize(
    ("digits", "expected"),
    [("436600000012", True), ("881612345678", True), ("828282", False), ("", False), ("Bank", False)]
    + [(f"436600000012{more}", False) for more in ("\ufffd", "[", " x", "\u0663", ";ext=1")]
    + [("+436600000012", False), ("4306600000012", False), ("43 6600000012", False)],
)
def test_only_the_digits_of_a_number_are_one(digits: str, expected: bool) -> None:
    assert normalize.is_number(digits) is expected
    assert expected or normalize.region(digits) is None
    assert expected or normalize.is_dear(digits)


@pytest.mark.parametrize(
    ("number", "places", "expected"),
    [
        ("436600000012", ("AT",), True),
        ("4915112345678", ("AT",), False),
        ("4915112345678", ("AT", "DE"), True),
        ("436600000012", ("+43660",), True),
        ("436640000012", ("+43660",), False),
        ("436640000012", ("+43660", "AT"), True),
        ("41791234567", ("+4175",), False),
        ("4175", ("+4175",), True),
        ("436600000012", (), False),
        ("881612345678", ("AT",), False),
        ("12423591234", ("US",), False),  # the Bahamas share +1 and are another country
        ("12423591234", ("+1",), True),
    ],
)
def test_countries_and_prefixes(number: str, places: tuple[str, ...], expected: bool) -> None:
    assert normalize.lies_in(number, places) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [("+4175", "+4175"), ("+43 660", "+43660"), ("+1", "+1"), ("+43", "+43"), ("+7 (9)", "+79")]
)
def test_prefixes(text: str, expected: str) -> None:
    assert normalize.prefix(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "4175",
        "0041",
        "+",
        "",
        "+0",
        "+4",
        "+88",
        "+881",
        "+8816",
        "+870",
        "+999",
        "+41x",
        "+٤١",
        "+43900",
        "+" + "1" * 16,
    ],
)
def test_what_is_no_prefix(text: str) -> None:
    with pytest.raises(normalize.NotANumber):
        normalize.prefix(text)


@pytest.mark.parametrize("number", ["436600000012", "4315880", "43720123456"])
def test_row_57_home_is_open_by_default(number: str) -> None:
    assert normalize.lies_in(number, Route(name="x", row=1).countries)


def test_row_57_abroad_is_closed_by_default() -> None:
    """One number of every type of each of the world's numbering plans: only home passes, and there only phones."""
    default = Route(name="x", row=1).countries
    passed, seen = set(), 0
    for country in sorted(normalize.countries()):
        for kind in phonenumbers.PhoneNumberType.values():
            example = phonenumbers.example_number_for_type(country, kind)
            if example is None:
                continue
            digits = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
            seen += 1
            if normalize.lies_in(digits, default) and not normalize.is_dear(digits):
                passed.add((country, digits[:2]))
    assert passed == {("AT", "43")}
    assert seen > 1000


def test_row_57_no_calling_code_but_ours_passes() -> None:
    """All there are, and all there are not: the first digits decide, whatever follows."""
    for code in (*range(1, 10), *range(10, 100), *range(100, 1000)):
        for rest in ("6600000012", "15112345678", "790000012", "2125550123"):
            digits = f"{code}{rest}"
            if not digits.startswith("43"):
                assert not normalize.lies_in(digits, ("AT",)), digits


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


_BEHIND_A_CODE = st.text(alphabet="0123456789", min_size=1, max_size=16)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)), _BEHIND_A_CODE, st.data())
def test_an_international_number_is_what_the_library_reads(code: int, behind: str, data: st.DataObject) -> None:
    """Most are taken apart without it; with a trunk prefix in between, of odd length, of no country: the same."""
    region = data.draw(st.sampled_from(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]))
    example = phonenumbers.example_number(region) if region.isalpha() else None
    if example is not None:
        national = phonenumbers.national_significant_number(example)
        kept = data.draw(st.integers(0, len(national)))
        trunk = data.draw(st.sampled_from(["", phonenumbers.ndd_prefix_for_region(region, True) or "", "0", "1", "8"]))
        behind = trunk + national[:kept] + behind[: max(1, len(national) - kept)]
    text = f"+{code}{behind}"
    try:
        found = normalize.number(text, "AT")
    except normalize.NotANumber:
        found = None
    assert found == _as_the_library_reads(text)


def _as_the_library_reads(text: str) -> str | None:
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.UNKNOWN:
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
