"""The readers that only rows of routes.toml need."""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

from bridge.config import route_keys
from bridge.config.problems import Reported
from tests.config import setup


def test_every_key_of_a_route_has_a_sentence_and_a_default_that_its_reader_takes(tmp_path: Path) -> None:
    place = setup.place(tmp_path)
    for key in route_keys.ROUTE_KEYS:
        assert key.sentence.endswith("."), key.name
        if key.default is not None:
            key.read(key.default, place)


READ = {key.name: key.read for key in route_keys.ROUTE_KEYS}


@pytest.mark.parametrize(
    ("value", "phones"),
    [
        ("+43 660 0000001", ("436600000001",)),
        ("0660 0000001", ("436600000001",)),
        (["0660/0000001", "+436600000002"], ("436600000001", "436600000002")),
        (["0660 0000001"], ("436600000001",)),
        ("{local}", ("{local}",)),
    ],
)
def test_numbers(value: object, phones: tuple[str, ...]) -> None:
    assert READ["number"](value, setup.place()) == phones


def test_national_numbers_belong_to_the_country() -> None:
    assert READ["number"]("0151 23456789", setup.place(country="DE")) == ("4915123456789",)
    assert READ["line"]("0660 0000099", setup.place()) == "436600000099"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{number}", 'did you mean "{local}"?'),
        ("{local}1", 'did you mean "{local}"?'),
        (436600000001, "put it in quotes"),
        ("anna", "write for example"),
        ("", "write for example"),
        ([], "write for example"),
        (None, "put it in quotes"),
    ],
)
def test_what_is_no_number(value: object, says: str) -> None:
    assert says in setup.refusal(READ["number"], value).hint


@pytest.mark.parametrize(
    ("group", "problems"),
    [
        (["{local}"], ["{local} cannot be part of a group"]),
        (["0660 0000001", "+436600000001"], ["«+436600000001» stands in this group twice"]),
        (["x", "0660 0000001", 5], ["«x» cannot be used", "a phone number must be text"]),
    ],
)
def test_groups_that_cannot_be_used(group: list[object], problems: list[str]) -> None:
    where = setup.place()
    with pytest.raises(Reported):
        READ["number"](group, where)
    assert [one.message.partition(":")[0] for one in where.collector.problems] == problems


@pytest.mark.parametrize(
    ("written", "entry"),
    [
        ("Anna@Example.com", ("addresses", "anna@example.com")),
        ("*@Example.com", ("domains", "example.com")),
        ("user:monitoring", ("users", "monitoring")),
        ("user:a@b.example", ("users", "a@b.example")),
        ("192.0.2.0/24", ("networks", IPv4Network("192.0.2.0/24"))),
        ("192.0.2.1", ("networks", IPv4Network("192.0.2.1"))),
        ("2001:db8::/32", ("networks", IPv6Network("2001:db8::/32"))),
        ("::1", ("networks", IPv6Network("::1"))),
    ],
)
def test_who_may_send(written: str, entry: tuple[str, object]) -> None:
    assert READ["allow"]([written], setup.place()) == (entry,)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("*", "everybody"),
        ("*@*", "everybody"),
        ("*@*.example.com", "everybody"),
        ("@", "everybody"),
        ("0.0.0.0/0", "everybody"),
        ("::/0", "everybody"),
        ("user:", "names nobody"),
        ("anna", "neither an address nor a user nor a network"),
        ("example.com", "neither an address nor a user nor a network"),
        ("12345", "neither an address nor a user nor a network"),
        ("192.0.2.1/24", "is not a network"),
        ("192.0.2.0/x", "is not a network"),
        ("a*@example.com", "is not a pattern"),
        ("anna@", "is not a mail address"),
        ("", "empty"),
        (5, "must be text"),
    ],
)
def test_entries_that_let_nobody_or_everybody_in(value: object, says: str) -> None:
    where = setup.place()
    with pytest.raises(Reported):
        READ["allow"]([value], where)
    (problem,) = where.collector.problems
    assert says in problem.message


@pytest.mark.parametrize(
    "value",
    [
        "prefix",
        "ignore",
        "only",
        "{subject}: {text}",
        "{text}",
        "[{subject}]",
        "{subject}{subject}",
        "x" * 194 + "{text}",
    ],
)
def test_subjects(value: str) -> None:
    assert READ["subject"](value, setup.place()) == value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{sender}: {text}", "there is no {sender} for a template"),
        ("{}", "there is no {} for a template"),
        ("{subject", "neither a word known here nor a template"),
        ("{subject}}", "a brace too many"),
        ("{{subject}", "a brace too many"),
        ("{text} }", "a brace too many"),
        ("prefx", "neither a word known here nor a template"),
        ("Alarm", "neither a word known here nor a template"),
        ("x" * 195 + "{text}", "longer than 200 characters"),
        (" ", "must be text"),
        (True, "must be text"),
    ],
)
def test_what_is_no_subject(value: object, says: str) -> None:
    assert says in setup.refusal(READ["subject"], value).message


def test_a_route_without_countries_is_a_mistake() -> None:
    assert READ["countries"](["AT", "DE"], setup.place()) == ("AT", "DE")
    assert setup.refusal(READ["countries"], []).message == "the list is empty"


def test_names() -> None:
    assert READ["name"]("  Anna Muster ", setup.place()) == "Anna Muster"
    assert READ["name"]("x" * 100, setup.place()) == "x" * 100
    assert "longer than 100" in setup.refusal(READ["name"], "x" * 101).message
    assert "control" in setup.refusal(READ["name"], "Anna\r\nBcc: eve@example.com").message


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("", True),
        ("+43660", True),
        ("0660-", True),
        ("(0660)", True),
        ("43.660/", True),
        ("alarm-", False),
        ("43+", False),
        ("４", False),
        ("43 ", False),
        ("x", False),
    ],
)
def test_what_can_stand_in_a_number(text: str, possible: bool) -> None:
    assert route_keys.possible_in_number(text) is possible


@pytest.mark.parametrize(
    ("key", "low", "high", "below", "above"),
    [
        ("max_parts", 1, 255, 0, 256),
        ("priority", 1, 9, 0, 10),
        ("lifetime", "1m", "72h", "59s", "73h"),
        ("warn_after", "0s", "72h", "-1s", "73h"),
        ("unknown_wait", "1s", "72h", "0s", "73h"),
    ],
)
def test_the_bounds_of_a_key_are_inside(key: str, low: object, high: object, below: object, above: object) -> None:
    READ[key](low, setup.place())
    READ[key](high, setup.place())
    setup.refusal(READ[key], below)
    setup.refusal(READ[key], above)


def test_an_end_mark_is_the_beginning_of_a_line() -> None:
    read = READ["end_mark"]
    assert [read(one, setup.place()) for one in ("###", "  -- ", "x" * 60, "")] == ["###", "--", "x" * 60, ""]
    for wrong in ("   ", "x" * 61, "a\nb", 7):
        setup.refusal(read, wrong)


def test_the_sample_table_names_every_key_with_its_sentence() -> None:
    sample = (Path(__file__).parents[2] / "config" / "routes.toml").read_text(encoding="utf-8")
    for key in route_keys.ROUTE_KEYS:
        assert re.search(rf"^#   {key.name} .*{re.escape(key.sentence)}$", sample, re.MULTILINE), key.name
