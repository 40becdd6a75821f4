"""The table: who is reached by an address, a phone, a line, and what a reload changed."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.routing import Allow, Route, Table, differences

ANNA, BEN, CARL = "436600000001", "436600000002", "436600000003"
LINE = "436600000099"
DOMAINS = ("sms.example.com",)


def row(number: int = 1, **values: Any) -> Route:
    name = values.get("address") or values.get("line") or values.get("mailbox") or "?"
    return Route(**{"name": name, "row": number, **values})


def table(*rows: dict[str, Any]) -> Table:
    return Table(row(number, **values) for number, values in enumerate(rows, 1))


def name(found: Route | None) -> str | None:
    return None if found is None else found.name


def test_an_exact_address_comes_before_every_pattern() -> None:
    found = table(
        {"address": "*@sms.example.com", "local": True},
        {"address": "anna@sms.example.com", "numbers": (ANNA,)},
    )
    assert name(found.by_address("anna@sms.example.com")) == "anna@sms.example.com"
    assert name(found.by_address("436600000001@sms.example.com")) == "*@sms.example.com"
    assert found.by_address("anna@example.com") is None
    assert found.by_address("anna") is None
    assert found.by_address("") is None


def test_of_several_patterns_the_first_that_fits_counts() -> None:
    found = table(
        {"address": "alarm-*@sms.example.com", "numbers": (ANNA,)},
        {"address": "*-fire@sms.example.com", "numbers": (BEN,)},
        {"address": "*@sms.example.com", "local": True},
        {"address": "alarm-f*@sms.example.com", "numbers": (CARL,)},
    )
    assert name(found.by_address("alarm-fire@sms.example.com")) == "alarm-*@sms.example.com"
    assert name(found.by_address("test-fire@sms.example.com")) == "*-fire@sms.example.com"
    assert name(found.by_address("test@sms.example.com")) == "*@sms.example.com"


def test_the_star_stands_for_at_least_one_character() -> None:
    found = table({"address": "a*a@sms.example.com", "numbers": (ANNA,)})
    assert found.by_address("aa@sms.example.com") is None
    assert found.by_address("a@sms.example.com") is None
    assert found.by_address("aba@sms.example.com") is not None


def test_a_phone_finds_the_first_row_that_names_it_and_has_a_mailbox() -> None:
    found = table(
        {"address": "anna@sms.example.com", "numbers": (ANNA,)},
        {"address": "team@sms.example.com", "numbers": (ANNA, BEN), "mailbox": "team@example.com"},
        {"numbers": (ANNA,), "mailbox": "anna@example.com"},
        {"address": "*@sms.example.com", "local": True, "mailbox": "any@example.com", "line": LINE},
    )
    assert name(found.by_number(ANNA)) == "team@sms.example.com"
    assert name(found.by_number(BEN)) == "team@sms.example.com"
    assert found.by_number(CARL) is None
    assert name(found.by_phone_any(ANNA)) == "anna@sms.example.com"
    assert found.by_phone_any(CARL) is None


def test_a_line_finds_its_row() -> None:
    found = table({"line": LINE, "mailbox": "team@example.com"}, {"address": "a@sms.example.com", "line": "828282"})
    assert name(found.by_line(LINE)) == LINE
    assert name(found.by_line("828282")) == "a@sms.example.com"
    assert found.by_line(ANNA) is None


def test_the_address_of_a_phone_is_its_own_row_before_a_group_or_a_pattern() -> None:
    found = table(
        {"address": "team@sms.example.com", "numbers": (ANNA, BEN)},
        {"address": "*@sms.example.com", "local": True, "countries": ("AT",)},
        {"address": "anna@other.example.com", "numbers": (ANNA,)},
        {"address": "anna@sms.example.com", "numbers": (ANNA,)},
    )
    assert found.address_for(ANNA, DOMAINS) == "anna@sms.example.com"
    assert found.address_for(ANNA, ["other.example.com"]) == "anna@other.example.com"
    assert found.address_for(BEN, DOMAINS) == f"{BEN}@sms.example.com"
    assert found.address_for("4915112345678", DOMAINS) is None  # not a country of the pattern
    assert found.address_for("828282", DOMAINS) is None
    assert found.address_for(BEN, ["other.example.com"]) is None
    for almost in (f"{BEN}\ufffd", f"+{BEN}", f"{BEN}[", f"{BEN}\u0663", ""):
        assert found.address_for(almost, DOMAINS) is None, "it begins as a number does, and is none"


def test_the_address_of_a_phone_really_leads_to_it() -> None:
    taken = table(
        {"address": f"{BEN}@sms.example.com", "numbers": (ANNA,)},
        {"address": "43*@sms.example.com", "numbers": (CARL,)},
        {"address": "*@sms.example.com", "local": True},
    )
    assert taken.address_for(BEN, DOMAINS) == f"+{BEN}@sms.example.com"
    plus = table({"address": "+43*@sms.example.com", "local": True})
    assert plus.address_for(BEN, DOMAINS) == f"+{BEN}@sms.example.com"
    by_prefix = table({"address": "*@sms.example.com", "local": True, "countries": ("+43660",)})
    assert by_prefix.address_for(BEN, DOMAINS) == f"{BEN}@sms.example.com"
    assert by_prefix.address_for("43660", DOMAINS) is None, "a short code, which a mail cannot name"
    groups = table({"address": "alarm-*@sms.example.com", "numbers": (ANNA,)})
    assert groups.address_for(ANNA, DOMAINS) is None


PATTERNS = st.tuples(st.text("ab", max_size=3), st.text("ab", max_size=3))


@given(st.lists(PATTERNS, max_size=8), st.text("ab", min_size=1, max_size=6))
def test_patterns_are_found_as_if_they_were_tried_in_order(patterns: list[tuple[str, str]], local: str) -> None:
    found = table(*({"address": f"{before}*{after}@x.example"} for before, after in patterns))
    expected = next(
        (
            f"{before}*{after}@x.example"
            for before, after in patterns
            if len(local) > len(before + after) and local.startswith(before) and local.endswith(after)
        ),
        None,
    )
    assert name(found.by_address(f"{local}@x.example")) == expected


def test_ten_thousand_rows() -> None:
    rows = [
        row(n, address=f"p{n}@sms.example.com", numbers=(f"43660{n:07d}",), mailbox=f"p{n}@example.com")
        for n in range(5_000)
    ]
    rows += [row(n, address=f"q{n}-*@sms.example.com", numbers=(ANNA,), line=str(n)) for n in range(5_000, 10_000)]
    found = Table(rows)
    assert len(found) == 10_000
    assert name(found.by_address("p4999@sms.example.com")) == "p4999@sms.example.com"
    assert name(found.by_address("q9999-x@sms.example.com")) == "q9999-*@sms.example.com"
    assert name(found.by_line("7000")) == "q7000-*@sms.example.com"
    assert differences(found, Table(rows)) == []
    assert len(differences(found, Table(rows[:-100]))) == 100


def test_a_reload_is_told_row_by_row() -> None:
    old = table(
        {"address": "anna@sms.example.com", "numbers": (ANNA,)},
        {"address": "ben@sms.example.com", "numbers": (BEN,)},
        {"line": LINE, "mailbox": "team@example.com"},
        {"numbers": (CARL,), "mailbox": "carl@example.com"},
    )
    anna, ben, line, carl = old.rows
    network = ip_network("192.0.2.0/24")
    new = Table(
        [
            replace(anna, numbers=(), local=True, lifetime=3600.0, allow=Allow(networks=(network,))),
            replace(line, row=2, mailbox="office@example.com", originator="ALARM", display_name="Team"),
            replace(carl, row=3),
            row(4, address="dora@sms.example.com", numbers=(CARL,)),
        ]
    )
    assert differences(old, new) == [
        "route ben@sms.example.com removed",
        "route anna@sms.example.com changed: number, allow, lifetime",
        f"route {LINE} changed: name, mailbox, sender",
        "route dora@sms.example.com added (row 4)",
    ]
    assert differences(old, old) == []
    assert ben.name == "ben@sms.example.com"


def test_another_order_is_told_once() -> None:
    old = table({"address": "a*@sms.example.com"}, {"address": "*b@sms.example.com"})
    new = Table(reversed(old.rows))
    (sentence,) = differences(old, new)
    assert "order" in sentence


def test_a_log_of_a_reload_holds_no_private_number() -> None:
    old = table({"numbers": (ANNA,), "mailbox": "anna@example.com"})
    new = table({"numbers": (BEN,), "mailbox": "anna@example.com"})
    said = " ".join(differences(old, new))
    assert ANNA not in said
    assert BEN not in said


def test_tables_with_the_same_rows_are_equal() -> None:
    one, two = table({"address": "a@sms.example.com"}), table({"address": "a@sms.example.com"})
    assert one == two
    assert hash(one) == hash(two)
    assert one != Table()
    assert list(one) == list(two.rows)
