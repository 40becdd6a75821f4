"""What rows mean to each other."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import config
from bridge.config.document import Document
from bridge.config.problems import Collector
from bridge.config.reading import Files, Place
from bridge.config.route_checks import Row, check_rows
from bridge.routing import Route, Table
from tests.config import setup


def test_a_second_address_of_a_person_may_repeat_the_mailbox(tmp_path: Path) -> None:
    again = (setup.GOOD / "routes.toml").read_text().replace("anna@sms", "anna.example@sms")
    assert len(config.load(setup.edited(tmp_path, routes=again), {}).routes) == 2


def test_ten_thousand_routes(tmp_path: Path) -> None:
    rows = (
        f'[[route]]\naddress = "a{n}-*@sms.example.com"\nnumber = "+43660{n:07d}"\n'
        f'allow = ["*@example.com"]\nmailbox = "a{n}@example.com"\n'
        for n in range(10, 5_010)
    )
    plain = (
        f'[[route]]\naddress = "b{n}@sms.example.com"\nnumber = ["+43660{n:07d}"]\nallow = ["192.0.2.{n % 256}"]\n'
        for n in range(10_000, 15_000)
    )
    path = setup.edited(tmp_path, routes="".join([*rows, *plain]))
    loaded = config.load(path, {})
    assert len(loaded.routes) == 10_001
    found = loaded.routes.by_address("a5009-web@sms.example.com")
    assert found is not None
    assert found.numbers == ("436600005009",)


def problems(*rows: dict[str, object]) -> list[str]:
    """What is said of rows with these values; each stands on the line of its number."""
    collector = Collector()
    lines: dict[tuple[str | int, ...], int] = {("route", index): index + 1 for index in range(len(rows))}
    document = Document("routes.toml", {}, lines)
    top = Place(document=document, collector=collector, files=Files(base=Path("/nowhere")), prefix=2)
    check_rows([Row(values, frozenset(values), top.at("route", index)) for index, values in enumerate(rows)])
    return [f"{one.line}: {one.key}: {one.message}" for one in collector.problems]


def address(written: str) -> dict[str, object]:
    return {"address": written}


def mailbox(name: str, *phones: str, **more: object) -> dict[str, object]:
    return {"mailbox": f"{name}@example.com", "number": phones, **more}


def test_an_address_twice() -> None:
    again = "the route on line 1 has the address «a@sms.example.com» already"
    assert problems(address("a@sms.example.com"), address("b@sms.example.com"), address("a@sms.example.com")) == [
        f"3: address: {again}"
    ]
    assert problems(*[address("a@sms.example.com")] * 3) == [f"{line}: address: {again}" for line in (2, 3)]
    assert problems(address("a@sms.example.com"), address("a@sms.example.org"), {}) == []


_PART = st.text("ab", max_size=2)
_PATTERN = st.builds("{}*{}@{}.example.com".format, _PART, _PART, st.sampled_from("xy"))


@settings(deadline=None, max_examples=300)
@given(st.lists(_PATTERN, max_size=6, unique=True))
def test_a_pattern_is_wrong_exactly_if_no_address_reaches_it(written: list[str]) -> None:
    rows = [Route(name=one, row=number, address=one) for number, one in enumerate(written, 1)]
    # "c" stands in no pattern: what only c can fill is taken by a row before or reaches this one
    hidden = [row.row for row in rows if Table(rows).by_address(one_of(row)) is not row]
    found = problems(*map(address, written))
    assert [int(line.partition(":")[0]) for line in found] == hidden
    assert all("nothing ever gets here" in line for line in found)


def one_of(row: Route) -> str:
    """An address that fits the row's pattern and as little else as possible."""
    assert row.address is not None
    return row.address.replace("*", "c")


def test_the_first_broader_pattern_is_named() -> None:
    rows = map(
        address, ("alarm-*@sms.example.com", "a*@sms.example.com", "*@sms.example.com", "alarm-x*@sms.example.com")
    )
    assert problems(*rows) == [
        "4: address: nothing ever gets here: the route on line 1 takes all of it («alarm-*@sms.example.com»)"
    ]


def test_an_exact_address_behind_a_pattern_is_reached() -> None:
    assert problems(address("*@sms.example.com"), address("a@sms.example.com")) == []


def test_a_line_with_two_owners() -> None:
    assert problems({"line": "1234"}, {}, {"line": "1234"}, {"line": "4321"}) == [
        "3: line: the route on line 1 owns this line already"
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([mailbox("a", "1"), mailbox("b", "2")], []),
        ([mailbox("a", "1"), mailbox("b", "1", "2")], []),
        (
            [mailbox("a", "1"), mailbox("b", "1")],
            ["2: mailbox: no SMS ever gets here: the route on line 1 takes them («a@example.com»)"],
        ),
        (
            [mailbox("a", "1"), mailbox("b", "2"), mailbox("b", "1", "2")],
            ["3: mailbox: no SMS ever gets here: the route on line 1 takes them («a@example.com»)"],
        ),
        (
            [mailbox("b", "1"), mailbox("a", "2"), mailbox("b", "1", "2")],
            ["3: mailbox: no SMS ever gets here: the route on line 2 takes them («a@example.com»)"],
        ),
        ([mailbox("a", "1"), mailbox("b", "1", line="99")], []),
        ([mailbox("a", "1"), mailbox("a", "1")], ["2: : the route on line 1 says all of this already"]),
        ([mailbox("a", "1"), mailbox("a", "1", address="x@sms.example.com")], []),
        ([mailbox("a", "1", "2"), mailbox("a", "1")], ["2: : the route on line 1 says all of this already"]),
        ([{"number": ("1",)}, mailbox("a", "1")], []),
        ([mailbox("a", "{local}"), mailbox("b", "{local}")], []),
        ([{"mailbox": "a@example.com", "line": "98"}, {"mailbox": "a@example.com", "line": "99"}], []),
    ],
)  # fmt: skip
def test_mailboxes_that_no_sms_reaches(rows: list[dict[str, object]], said: list[str]) -> None:
    assert problems(*rows) == said


def test_sms_to_our_own_line_would_come_back() -> None:
    said = "number: this is our own number, the line of the route on line 2: SMS to it would come back"
    assert problems({"number": ("1", "99", "2")}, {"line": "99"}) == [f"1: {said}"]
    assert problems({}, {"line": "99", "number": ("99",)}) == [f"2: {said}"]
    assert problems({"number": ("98",)}, {"line": "99"}) == []
