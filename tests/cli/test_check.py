"""`check` and `route`."""

from pathlib import Path

from tests.cli.conftest import Here, smsbridge


def test_a_right_configuration(here: Here, config: Path) -> None:
    ran = smsbridge("check", "--config", config)
    assert ran.code == 0
    assert "fine; 1 route, 2 users; senders are proven by address" in ran.out
    shown = here("check", "--config", config, "--json").json
    assert (shown["ok"], shown["errors"]) == (True, [])
    assert (shown["routes"], shown["users"], shown["proofs"]) == (1, 2, ["address"])


def test_what_proves_senders_here(here: Here, config: Path) -> None:
    text = config.read_text().replace("[smtpd]\n", '[smtpd]\nnetworks = ["198.51.100.0/24"]\n')
    config.write_text(
        text + '[mail_authentication]\ncheck = true\nrelays = ["192.0.2.7"]\nauthserv_id = "mx.example.com"\n'
    )
    proofs = ["network", "address", "relay", "dns"]
    assert here("check", "--config", config, "--json").json["proofs"] == proofs
    config.write_text(config.read_text().replace('users_file = "users"\n', ""))
    routes = config.with_name("routes.toml")
    routes.write_text(
        routes.read_text().replace('"user:anna"', '"x@example.com"').replace('"192.0.2.0/24"', '"y@example.com"')
    )
    assert here("check", "--config", config, "--json").json["proofs"] == ["network", "relay", "dns"]


def test_row_124_every_error_at_once_with_file_and_line(here: Here, config: Path) -> None:
    config.write_text(config.read_text().replace('hostname = "sms.example.com"', 'hostnam = "x"\nlanguage = "fr"'))
    ran = here("check", "--config", config)
    assert (ran.code, ran.out) == (78, "")
    assert "bridge.toml:1" in ran.err
    assert "bridge.toml:2" in ran.err
    assert "hostname" in ran.err  # did you mean
    shown = here("check", "--config", config, "--json")
    assert shown.code == 78
    assert shown.json["ok"] is False
    assert [error["line"] for error in shown.json["errors"]] == [1, 2]


def test_route_of_an_address(here: Here, config: Path) -> None:
    shown = here("route", "Anna@SMS.example.com", "--config", config, "--json").json
    assert shown["found"] is True
    assert shown["numbers"] == ["436600000001"]
    assert shown["allow"] == ["*@example.com", "192.0.2.0/24", "user:anna"]
    ran = here("route", "anna@sms.example.com", "--config", config)
    assert ran.code == 0
    assert "436600000001" in ran.out


def test_route_of_a_pattern_says_where_it_may_send(here: Here, config: Path) -> None:
    row = '[[route]]\naddress = "*@sms.example.com"\nnumber = "{local}"\nallow = ["192.0.2.1"]\n'
    routes = config.with_name("routes.toml")
    routes.write_text(routes.read_text() + row + 'countries = ["AT", "+4175"]\n')
    assert here("route", "06600000004@sms.example.com", "--config", config, "--json").json["countries"] == [
        "AT",
        "+4175",
    ]
    assert "countries" not in here("route", "anna@sms.example.com", "--config", config, "--json").json


def test_route_of_a_number(here: Here, config: Path) -> None:
    for spelling in ("06600000001", "+43 660 0000001"):
        assert here("route", spelling, "--config", config, "--json").json["mailbox"] == "anna@example.com"
    assert here("route", "0660 0000055", "--config", config, "--json").json["mailbox"] == "postmaster@example.com"


def test_the_whole_table(here: Here, config: Path) -> None:
    routes = config.with_name("routes.toml")
    routes.write_text(
        routes.read_text()
        + '[[route]]\naddress = "*@sms.example.com"\nnumber = "{local}"\nallow = ["192.0.2.1"]\n'
        + '[[route]]\nline = "+43 660 0000099"\nmailbox = "office@example.com"\n'
    )
    first, pattern, line = here("route", "--all", "--config", config, "--json").json
    assert first == {
        "row": 1,
        "address": "anna@sms.example.com",
        "numbers": ["436600000001"],
        "line": None,
        "mailbox": "anna@example.com",
        "route": "anna@sms.example.com",
        "allow": ["*@example.com", "192.0.2.0/24", "user:anna"],
        "sender": first["sender"],
    }
    assert (pattern["address"], pattern["numbers"], pattern["countries"]) == ("*@sms.example.com", ["{local}"], ["AT"])
    assert (line["address"], line["line"], line["mailbox"]) == (None, "436600000099", "office@example.com")
    ran = here("route", "--all", "--config", config)
    assert (ran.code, len(ran.out.splitlines())) == (0, 3)
    assert [text for text in ("{local}", "office@example.com", "192.0.2.1") if text not in ran.out] == []


def test_either_all_or_one(here: Here, config: Path) -> None:
    for arguments in ((), ("--all", "anna@sms.example.com")):
        assert here("route", *arguments, "--config", config).code == 64


def test_what_has_no_route_is_1(here: Here, config: Path) -> None:
    for address in ("nobody@sms.example.com", "x@other.example.com"):
        ran = here("route", address, "--config", config, "--json")
        assert (ran.code, ran.json["found"]) == (1, False)
        assert ran.json["reason"]
    assert here("route", "nonsense", "--config", config).code == 64


def test_where_bounces_come_back_to(here: Here, config: Path) -> None:
    found = here("route", "bounce+m1-1.abc@sms.example.com", "--config", config, "--json")
    assert found.code == 0
    assert "its seal is genuine" in found.json["reason"]
