"""Rows of routes.toml, read with what is around them."""

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from bridge import config
from bridge.config import routes
from bridge.message import OnUnknown, Reports
from bridge.routing import Allow, Route
from tests.config import setup


def test_routes_are_read_with_the_defaults_of_the_site(tmp_path: Path) -> None:
    path = setup.edited(
        tmp_path,
        routes='[[route]]\naddress = "*@SMS.example.com"\nnumber = "{local}"\nallow = ["user:anna", "2001:db8::/32"]\n'
        '[[route]]\nline = "0660 0000099"\nmailbox = "Team@Example.com"\nsender = "ALARM"\n',
    )
    first, second, third = config.load(path, {}).routes
    assert first.numbers == ("436600000001",)
    assert first.countries == ("AT",)
    assert first.allow.users == {"anna"}
    assert first.allow.domains == {"example.com"}
    assert (second.address, second.local, second.numbers) == ("*@sms.example.com", True, ())
    assert (third.line, third.name, third.mailbox) == ("436600000099", "436600000099", "team@example.com")
    assert third.originator == "ALARM"


def test_the_originator_is_the_rows_own_else_its_line_else_the_accounts(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    bridge = path.read_text().replace("[webhook]", 'sender = "0660 0000098"\n[webhook]')
    setup.private(path, bridge)
    setup.private(
        tmp_path / "routes.toml",
        '[[route]]\nline = "1234"\nmailbox = "a@example.com"\nsender = "ALARM"\n'
        '[[route]]\nline = "0660 0000099"\nmailbox = "a@example.com"\n'
        '[[route]]\nnumber = "0660 0000001"\nmailbox = "a@example.com"\n',
    )
    found = [route.originator for route in config.load(path, {}).routes]
    assert found == ["ALARM", "436600000099", "436600000098"]


AROUND = routes.Surroundings(
    domains=("sms.example.com", "sms.example.org"),
    country="AT",
    language="de",
    sender="436600000098",
    users=frozenset({"anna", "monitoring"}),
)
GOOD = 'address = "anna@sms.example.com"\nnumber = "0660 0000001"\nallow = ["*@example.com"]\n'


def rows(text: str, around: routes.Surroundings = AROUND) -> tuple[tuple[Route, ...], list[str]]:
    """The rows of a routes.toml, and what is said of it: line, key and message of each problem."""
    place = setup.place(toml=text, country=around.country)
    found = routes.read(place, around)
    assert all(problem.hint for problem in place.collector.problems)
    return found, [f"{one.line}: {one.key}: {one.message}" for one in place.collector.problems]


def test_a_row_is_complete_with_every_default() -> None:
    (row,), problems = rows(f"[[route]]\n{GOOD}")
    assert problems == []
    assert row == Route(
        name="anna@sms.example.com",
        row=1,
        address="anna@sms.example.com",
        numbers=("436600000001",),
        allow=Allow(domains=frozenset({"example.com"})),
        originator="436600000098",
        language="de",
    )


def test_a_row_with_everything() -> None:
    text = (
        '[[route]]\naddress = "A-*@sms.example.org"\nnumber = "{local}"\nname = "Alarm"\n'
        'allow = ["x@example.com", "*@example.com", "user:anna", "192.0.2.1", "192.0.2.1/32"]\n'
        'mailbox = "Team@example.com"\nline = "0660 0000099"\nsender = "ALARM"\nmax_parts = 9\ntoo_long = "refuse"\n'
        'subject = "only"\nattachments = "refuse"\nend_mark = " ### "\nhtml = true\n'
        'countries = ["DE", "AT", "+41 75", "DE", "+4175"]\n'
        'reports = "all"\nlifetime = "2h"\nwarn_after = "90s"\n'
        'on_unknown = "resend"\nunknown_wait = "1m"\npriority = 9\nflash = true\ncategory = "advertisement"\n'
        "binary = true\nvoice = true\n"
        'urgent = true\nlanguage = "en"\n'
    )
    (row,), problems = rows(text.replace("A-*", "0660-*"))
    assert problems == []
    assert row == Route(
        name="0660-*@sms.example.org",
        row=1,
        address="0660-*@sms.example.org",
        local=True,
        display_name="Alarm",
        allow=Allow(
            addresses=frozenset({"x@example.com"}),
            domains=frozenset({"example.com"}),
            users=frozenset({"anna"}),
            networks=(IPv4Network("192.0.2.1"),),
        ),
        mailbox="team@example.com",
        line="436600000099",
        originator="ALARM",
        max_parts=9,
        too_long="refuse",
        subject="only",
        attachments="refuse",
        end_mark="###",
        html=True,
        countries=("DE", "AT", "+4175"),
        reports=Reports.ALL,
        lifetime=7200.0,
        warn_after=90.0,
        on_unknown=OnUnknown.RESEND,
        unknown_wait=60.0,
        priority=9,
        flash=True,
        category="advertisement",
        binary=True,
        voice=True,
        urgent=True,
        language="en",
    )
    assert rows(text)[1] == ["3: number: no local part that fits «a-*@sms.example.org» is a number"]


def test_rows_are_numbered_and_called_by_what_they_have() -> None:
    found, problems = rows(
        f"[[route]]\n{GOOD}"
        '[[route]]\nline = "1234"\nmailbox = "line@example.com"\n'
        '[[route]]\nnumber = ["0660 0000002", "0660 0000003"]\nmailbox = "Phones@example.com"\n'
    )
    assert [(row.row, row.name) for row in found] == [
        (1, "anna@sms.example.com"),
        (2, "1234"),
        (3, "phones@example.com"),
    ]
    assert problems == []


def without(*keys: str, plus: str = "") -> str:
    """The good row without some keys."""
    return "[[route]]\n" + "".join(line + "\n" for line in GOOD.splitlines() if line.split()[0] not in keys) + plus


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (without("number"), ["2: address: there is no number for it"]),
        (without("allow"), ["2: address: nobody may use this route"]),
        (without("allow", plus="allow = []\n"), ["4: allow: nobody may use this route"]),
        (without("allow", plus="allow = [5]\n"), ["4: allow: this must be text"]),
        (
            without("address"),
            ["1: : this route leads nowhere", "3: allow: there is no address that anybody could use"],
        ),
        (
            without("address", plus='mailbox = "a@example.com"\n'),
            ["3: allow: there is no address that anybody could use"],
        ),
        ('[[route]]\nline = "4321"\nnumber = "0660 0000004"\n', ["1: : this route leads nowhere"]),
        ('[[route]]\nmailbox = "a@example.com"\n', ["2: mailbox: neither number nor line says whose SMS it gets"]),
        (
            '[[route]]\nmailbox = "a@sms.example.org"\nline = "1234"\n',
            ["2: mailbox: «a@sms.example.org» lies in one of our own domains: its mail would come back as SMS"],
        ),
        (
            without("address", plus='address = "a@sms.example.net"\n'),
            ["4: address: «sms.example.net» is not one of our domains"],
        ),
        (
            without("address", plus='address = "r+x@sms.example.com"\n'),
            ["4: address: «r+x@sms.example.com» is an address the bridge needs itself"],
        ),
        (without("number", plus='number = "{local}"\n'), ["4: number: {local} needs an address with a *"]),
        (
            '[[route]]\nnumber = "{local}"\nmailbox = "a@example.com"\n',
            [
                "2: number: there is no address to read {local} from",
                "3: mailbox: {local} names no phone, so no SMS would ever come here",
            ],
        ),
        (without(plus='lifetime = "1h"\nwarn_after = "1h"\n'), ["6: warn_after: the message is given up before that"]),
        (without(plus='lifetime = "1h"\nwarn_after = "59m"\n'), []),
        (without(plus='lifetime = "5m"\n'), []),
        (without(plus='lifetime = "soon"\nwarn_after = "72h"\n'), ["5: lifetime: «soon» is not a duration"]),
        (without(plus="colour = 1\n"), ["5: colour: there is no such key"]),
    ],
)
def test_what_is_wrong_with_a_row(text: str, problems: list[str]) -> None:
    found, said = rows(text)
    assert said == problems
    assert len(found) == 1 or problems


def test_a_domain_nearly_ours_and_users_nearly_there() -> None:
    text = without("address", "allow", plus='address = "a@sms.exmple.com"\nallow = ["user:ana", "user:zzz"]\n')
    place = setup.place(toml=text)
    routes.read(place, AROUND)
    assert [one.hint for one in place.collector.problems] == [
        'did you mean "sms.example.com"?',
        'did you mean "anna"?',
        "add one there",
    ]


@pytest.mark.parametrize(
    ("users", "known", "problems"),
    [
        (frozenset({"monitoring"}), True, ["4: allow: there is no user «anna» in the users file"]),
        (None, True, ["4: allow: there is no user «anna»"]),
        (None, False, []),
    ],
)
def test_users_must_be_known_unless_their_file_could_not_be_read(
    users: frozenset[str] | None, known: bool, problems: list[str]
) -> None:
    around = replace(AROUND, users=users, users_known=known)
    assert rows(without("allow", plus='allow = ["user:anna"]\n'), around)[1] == problems


def test_unusable_domains_are_not_said_twice() -> None:
    assert rows(f"[[route]]\n{GOOD}", replace(AROUND, domains=None))[1] == []


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["None: : there is no route"]),
        ("route = []", ["None: : there is no route"]),
        ("route = 5", ["1: route: this must be rows"]),
        ("route = [1]", ["1: route: this must be rows"]),
        ("[route]\nx = 1", ["1: route: a row begins with two brackets"]),
        ("[[routes]]\nx = 1", ["1: routes: there is no such key"]),
        (f"title = 1\n[[route]]\n{GOOD}", ["1: title: there is no such key"]),
    ],
)
def test_files_without_rows(text: str, problems: list[str]) -> None:
    assert rows(text)[1] == problems


def test_a_wrong_row_does_not_hide_what_is_wrong_with_the_next() -> None:
    found, problems = rows(
        f"[[route]]\nnumber = 5\n{GOOD.replace('number', '#')}[[route]]\n{GOOD}[[route]]\npriority = 0\n"
    )
    assert [line.partition(":")[0] for line in problems] == ["2", "7", "10", "11"]
    assert [row.row for row in found] == [2]


def test_row_58_a_number_written_down_that_may_be_dear_is_a_warning() -> None:
    place = setup.place(
        toml=without("number", plus='number = ["+881612345678", "+43 660 0000001", "+43 900 123456"]\n')
    )
    (row,) = routes.read(place, AROUND)
    assert row.numbers == ("881612345678", "436600000001", "43900123456")
    assert place.collector.problems == ()
    assert [str(one) for one in place.collector.warnings] == [
        "bridge.toml:4: number: +881612345678 may cost more than an SMS usually does; remove it unless you mean it",
        "bridge.toml:4: number: +43900123456 may cost more than an SMS usually does; remove it unless you mean it",
    ]
