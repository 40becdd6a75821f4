"""Listeners that collide, and a console that others can reach."""

import tomllib
from pathlib import Path

import pytest

from bridge import config
from bridge.config import Endpoint, ports
from bridge.config.network import is_loopback
from bridge.config.settings import ConsoleSettings, SmtpdSettings, WebhookSettings
from tests.config import setup

HERE = Path(__file__).parents[2]


def endpoints(*written: str) -> list[Endpoint]:
    found = [each.rpartition(":") for each in written]
    return [Endpoint(host=host, port=int(port)) for host, _, port in found]


@pytest.mark.parametrize(
    ("written", "collide"),
    [
        (["127.0.0.1:1", "127.0.0.1:2"], False),
        (["127.0.0.1:1", "127.0.0.1:1"], True),
        (["127.0.0.1:0", "127.0.0.1:0"], False),
        (["0.0.0.0:1", "127.0.0.1:1"], True),
        (["::1:1", "0.0.0.0:1"], False),
        (["mail.example.com:1", "0.0.0.0:1"], False),
    ],
)
def test_two_on_one_place(written: list[str], collide: bool) -> None:
    place = setup.place()
    ports.check((entry, place.at("smtpd", "listen")) for entry in endpoints(*written))
    assert bool(place.collector.problems) == collide


def warned(directory: Path, console: str) -> list[str]:
    path = setup.edited(directory, bridge=f"\n[console]\n{console}\n")
    setup.private(directory / "console-users", f"olga:{setup.argon2_hash()}:operator\n")
    return [str(one) for one in config.load(path, {}).warnings if "console" in str(one)]


def test_a_console_that_others_can_reach_is_warned_of(tmp_path: Path) -> None:
    assert warned(tmp_path, 'listen = ["127.0.0.1:8081", "[::1]:8081", "localhost:8082"]') == []
    (alone,) = warned(tmp_path, 'listen = ["127.0.0.1:8081", "192.0.2.1:8081"]')
    assert "for want of users it shows no page" in alone
    (known,) = warned(tmp_path, 'listen = ["0.0.0.0:8081"]\nusers_file = "console-users"')
    assert "does not encrypt" in known


def test_row_132_what_operators_see_is_open_to_this_machine_only(tmp_path: Path) -> None:
    """Pages, health and metrics share one listener: on loopback unless told otherwise, and then `check` warns."""
    shipped = tomllib.loads((HERE / "config" / "bridge.toml").read_text(encoding="utf-8"))
    for section, settings in (
        ("smtpd", SmtpdSettings()),
        ("webhook", WebhookSettings()),
        ("console", ConsoleSettings()),
    ):
        hosts = [entry.host for entry in settings.listen]
        assert hosts
        assert all(is_loopback(host) for host in hosts)
        assert shipped[section]["listen"] == [f"{entry.host}:{entry.port}" for entry in settings.listen]
    for everywhere in ("0.0.0.0:8081", "[::]:8081", "192.0.2.1:8081", "console.example.com:8081"):
        (warning,) = warned(tmp_path, f'listen = ["{everywhere}"]')
        assert "others can reach the console" in warning
