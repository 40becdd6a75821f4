"""`check` and `route`."""

from pathlib import Path

from tests.cli.conftest import Here, smsbridge


def test_a_right_configuration(here: Here, config: Path) -> None:
    ran = smsbridge("check", "--config", config)
    assert ran.code == 0
    assert "fine; 1 routes" in ran.out
    shown = here("check", "--config", config, "--json").json
    assert (shown["ok"], shown["errors"]) == (True, [])


def test_every_error_at_once_with_file_and_line(here: Here, config: Path) -> None:
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


def test_route_of_a_number(here: Here, config: Path) -> None:
    for spelling in ("06600000001", "+43 660 0000001"):
        assert here("route", spelling, "--config", config, "--json").json["mailbox"] == "anna@example.com"
    assert here("route", "0660 0000055", "--config", config, "--json").json["mailbox"] == "postmaster@example.com"


def test_what_has_no_route_is_1(here: Here, config: Path) -> None:
    for address in ("nobody@sms.example.com", "x@other.example.com"):
        ran = here("route", address, "--config", config, "--json")
        assert (ran.code, ran.json["found"]) == (1, False)
        assert ran.json["reason"]
    assert here("route", "nonsense", "--config", config).code == 64
