"""`user add`, `user list` and `user remove`."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from bridge import config as configuration
from bridge.proof.logins import verify
from tests.cli.conftest import MAIN, ROOT, Here, Ran, smsbridge

PASSWORD = "pässwörd with spaces"
RELOAD = "systemctl reload smsbridge"


def added(config: Path, *arguments: str, password: str = PASSWORD + "\n") -> Ran:
    return smsbridge("user", "add", *arguments, "--password-stdin", "--config", config, stdin=password)


def test_a_user_who_is_added_can_log_in(config: Path) -> None:
    before = config.with_name("users").read_bytes()
    ran = added(config, "panel", "Panel@Example.com", "*@Alarm.EXAMPLE.com", "panel@example.com")
    assert (ran.code, ran.err) == (0, "")
    assert "panel may log in with a password and send as panel@example.com, *@alarm.example.com" in ran.out
    assert RELOAD in ran.out
    assert config.with_name("users").read_bytes().startswith(before)
    user = configuration.load(config, {}).users["panel"]
    assert user.addresses == {"panel@example.com"}
    assert user.domains == {"alarm.example.com"}
    assert user.hash.startswith("$argon2id$")
    assert verify(user.hash, PASSWORD.encode())
    assert user.hash not in ran.out
    assert PASSWORD not in ran.out


def test_without_a_file_one_is_made(here: Here, config: Path) -> None:
    config.with_name("users").unlink()
    config.with_name("websms-token").unlink()  # whatever else is missing
    assert here("user", "list", "--config", config).code == 0
    assert here("user", "add", "relay.example.com", "*@example.com", "--certificate", "--config", config).code == 0
    assert config.with_name("users").read_text() == "relay.example.com:certificate:*@example.com\n"
    assert config.with_name("users").stat().st_mode & 0o777 == 0o600


def test_a_list(here: Here, config: Path) -> None:
    here("user", "add", "relay@example.com", "*@example.org", "b@example.com", "--certificate", "--config", config)
    assert here("user", "list", "--config", config, "--json").json == [
        {"name": "anna", "addresses": ["anna@example.com"], "how": "password"},
        {"name": "monitoring", "addresses": ["alarm@example.com", "*@monitoring.example.com"], "how": "password"},
        {"name": "relay@example.com", "addresses": ["b@example.com", "*@example.org"], "how": "certificate"},
    ]
    ran = here("user", "list", "--config", config)
    assert [line.split()[0] for line in ran.out.splitlines()] == ["anna", "monitoring", "relay@example.com"]
    assert "$" not in ran.out


def test_changes_as_json(here: Here, config: Path) -> None:
    ran = here("user", "add", "relay.example.com", "*@example.org", "--certificate", "--config", config, "--json")
    assert (ran.code, ran.err) == (0, "")
    told = {"name": "relay.example.com", "addresses": ["*@example.org"], "how": "certificate"}
    assert ran.json == told
    assert told in here("user", "list", "--config", config, "--json").json
    ran = here("user", "remove", "relay.example.com", "--config", config, "--json")
    assert (ran.code, ran.json) == (0, {"name": "relay.example.com", "removed": True})
    ran = here("user", "remove", "relay.example.com", "--config", config, "--json")
    assert (ran.code, ran.out, json.loads(ran.err)["code"]) == (1, "", 1)
    assert added(config, "panel", "b@example.com", "a@example.com", "--json").json == {
        "name": "panel",
        "addresses": ["b@example.com", "a@example.com"],
        "how": "password",
    }


def test_an_empty_list(here: Here, config: Path) -> None:
    config.with_name("users").write_text("# nobody yet\n")
    assert here("user", "list", "--config", config, "--json").json == []
    ran = here("user", "list", "--config", config)
    assert (ran.code, ran.out, ran.err) == (0, "", "there are no users\n")


def test_lines_that_are_no_users_are_named(here: Here, config: Path) -> None:
    with config.with_name("users").open("a") as stream:
        stream.write("ben:hunter22:ben@example.com\n")
    for arguments in (("list",), ("add", "carl", "carl@example.com", "--certificate")):
        ran = here("user", *arguments, "--config", config)
        assert ran.code == 0
        assert "users:4: the hash of «ben»" in ran.err
        assert "hunter22" not in ran.err + ran.out


def test_a_user_who_is_removed(here: Here, config: Path) -> None:
    users = config.with_name("users")
    before = users.read_text()
    with users.open("a") as stream:
        stream.write("\n# ours\nben:certificate:ben@example.com\n")
    ran = here("user", "remove", "ben", "--config", config)
    assert ran.code == 0
    assert RELOAD in ran.out
    assert users.read_text() == before + "\n# ours\n"
    again = here("user", "remove", "ben", "--config", config)
    assert (again.code, again.out) == (1, "")
    assert "there is no user ben" in again.err


def test_whom_the_routes_name_stays(here: Here, config: Path) -> None:
    before = config.with_name("users").read_bytes()
    ran = here("user", "remove", "anna", "--config", config)
    assert (ran.code, ran.out) == (1, "")
    assert "routes.toml:4: user:anna stands there" in ran.err
    assert config.with_name("users").read_bytes() == before


def test_who_stands_there_already(here: Here, config: Path) -> None:
    before = config.with_name("users").read_bytes()
    ran = added(config, "monitoring", "x@example.com")
    assert ran.code == 1
    assert "--replace" in ran.err
    assert here("user", "add", "monitoring", "x@example.com", "--certificate", "--config", config).code == 1
    assert config.with_name("users").read_bytes() == before


def test_to_replace(here: Here, config: Path) -> None:
    old = configuration.load(config, {}).users["monitoring"]
    lines = config.with_name("users").read_text().splitlines()

    assert added(config, "monitoring", "--replace").code == 0
    found = configuration.load(config, {}).users["monitoring"]
    assert (found.addresses, found.domains) == (old.addresses, old.domains)
    assert verify(found.hash, PASSWORD.encode())

    ran = here("user", "add", "monitoring", "x@example.com", "--replace", "--keep-password", "--config", config)
    assert ran.code == 0
    then = configuration.load(config, {}).users["monitoring"]
    assert then.hash == found.hash
    assert then.addresses == {"x@example.com"}
    assert not then.domains

    assert here("user", "add", "monitoring", "--replace", "--certificate", "--config", config).code == 0
    assert configuration.load(config, {}).users["monitoring"].hash == "certificate"
    assert config.with_name("users").read_text().splitlines()[:2] == lines[:2]
    assert added(config, "new", "new@example.com", "--replace").code == 0


def test_there_is_nothing_to_replace(here: Here, config: Path) -> None:
    for arguments in (["--keep-password"], ["x@example.com", "--keep-password"], ["--certificate"]):
        ran = here("user", "add", "nobody", *arguments, "--replace", "--config", config)
        assert ran.code == 1
        assert "there is no user nobody" in ran.err


def test_what_stands_there_and_cannot_stay(here: Here, config: Path) -> None:
    config.with_name("users").write_text("ben:hunter22:ben@example.com\ncarl:certificate:carl\n")
    ran = here("user", "add", "ben", "b@example.com", "--replace", "--keep-password", "--config", config)
    assert ran.code == 1
    assert "hunter22" not in ran.err
    assert here("user", "add", "carl", "--replace", "--certificate", "--config", config).code == 1
    assert added(config, "ben", "--replace").code == 0


@pytest.mark.parametrize(
    ("password", "code", "said"),
    [
        ("7 signs", 1, "at least 8"),
        ("", 1, "at least 8"),
        ("1234567\n", 1, "at least 8"),
        ("x" * 1001, 1, "at most 1000"),
        ("two lines\nof it all", 1, "one line"),
        ("null\0in the middle", 1, "control characters"),
        ("12345678", 0, ""),
        ("12345678\r\n", 0, ""),
        (" 1234567\n", 0, ""),
        ("x" * 1000, 0, ""),
    ],
)
def test_passwords(config: Path, password: str, code: int, said: str) -> None:
    before = config.with_name("users").read_bytes()
    ran = added(config, "panel", "panel@example.com", password=password)
    assert ran.code == code
    assert said in ran.err
    if code:
        assert config.with_name("users").read_bytes() == before
    else:
        kept = configuration.load(config, {}).users["panel"].hash
        assert verify(kept, password.rstrip("\r\n").encode())


def test_a_password_that_is_no_text(config: Path) -> None:
    command = [sys.executable, "-c", MAIN, "user", "add", "panel", "p@example.com", "--password-stdin"]
    done = subprocess.run(
        [*command, "--config", str(config)], cwd=ROOT, input=b"\xff" * 9, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert b"is not UTF-8 text" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("panel",),
        ("panel", "nonsense"),
        ("panel", "*"),
        ("panel", "*@*"),
        ("panel", '"a,b"@example.com', "--certificate"),
        ("a b", "a@example.com", "--certificate"),
        ("a:b", "a@example.com", "--certificate"),
        ("#a", "a@example.com", "--certificate"),
        ("panel", "a@example.com", "--keep-password"),
        ("panel", "a@example.com", "--certificate", "--password-stdin"),
        ("panel", "a@example.com", "--replace", "--certificate", "--keep-password"),
        ("panel", "a@example.com", "--password", "x"),
        (),
    ],
)
def test_wrong_usage(here: Here, config: Path, arguments: tuple[str, ...]) -> None:
    before = config.with_name("users").read_bytes()
    assert here("user", "add", *arguments, "--config", config).code == 64
    assert config.with_name("users").read_bytes() == before


def test_without_a_terminal_the_password_is_not_guessed(config: Path) -> None:
    ran = smsbridge("user", "add", "panel", "p@example.com", "--config", config, stdin=PASSWORD)
    assert ran.code == 64
    assert "--password-stdin" in ran.err


def test_a_configuration_that_names_no_file(here: Here, config: Path) -> None:
    config.write_text(config.read_text().replace('users_file = "users"', ""))
    for arguments in (("list",), ("remove", "anna"), ("add", "x", "x@example.com", "--certificate")):
        ran = here("user", *arguments, "--config", config)
        assert (ran.code, ran.out) == (78, "")
        assert 'users_file = "users"' in ran.err


def test_a_link_is_refused(here: Here, config: Path) -> None:
    users = config.with_name("users")
    users.rename(config.with_name("elsewhere"))
    users.symlink_to("elsewhere")
    for arguments in (("remove", "monitoring"), ("add", "x", "x@example.com", "--certificate")):
        ran = here("user", *arguments, "--config", config)
        assert ran.code == 1
        assert "symbolic link" in ran.err


def at_a_terminal(config: Path, *typed: str) -> tuple[int, str]:
    """`user add panel` with somebody who answers each question; its exit code and all that was on the screen."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", MAIN, "user", "add", "panel", "panel@example.com", "--config", str(config)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, close_fds=True
    )
    os.close(theirs)
    screen = b""
    waiting = list(typed)
    while True:
        try:
            read = os.read(ours, 4096)
        except OSError:  # EIO: the other end is closed
            break
        screen += read
        if waiting and screen.endswith(b": "):
            os.write(ours, waiting.pop(0).encode() + b"\n")
    os.close(ours)
    return process.wait(60), screen.decode()


def test_at_a_terminal_it_asks_twice_and_shows_nothing(config: Path) -> None:
    code, screen = at_a_terminal(config, PASSWORD, PASSWORD)
    assert code == 0, screen
    assert (screen.count("Password: "), screen.count("Again: ")) == (1, 1)
    assert PASSWORD not in screen
    assert verify(configuration.load(config, {}).users["panel"].hash, PASSWORD.encode())


def test_at_a_terminal_two_that_differ_are_refused(config: Path) -> None:
    code, screen = at_a_terminal(config, PASSWORD, PASSWORD + "x")
    assert code == 1
    assert "not the same" in screen
    assert "panel" not in configuration.load(config, {}).users


def test_people_of_the_console_stand_in_a_file_of_their_own(config: Path) -> None:
    config.write_text(config.read_text() + '\n[console]\nusers_file = "console-users"\n', encoding="utf-8")
    before = config.with_name("users").read_bytes()
    ran = added(config, "--console", "olga")
    assert (ran.code, ran.err) == (0, "")
    assert "olga may log in with a password and is operator" in ran.out
    assert added(config, "--console", "viktor", "viewer").code == 0
    people = configuration.load(config, {}).operators
    assert {name: user.role for name, user in people.items()} == {"olga": "operator", "viktor": "viewer"}
    assert verify(people["olga"].hash, PASSWORD.encode())
    assert config.with_name("users").read_bytes() == before
    listed = smsbridge("user", "list", "--console", "--json", "--config", config).json
    assert [(one["name"], one["addresses"]) for one in listed] == [("olga", ["operator"]), ("viktor", ["viewer"])]
    assert smsbridge("user", "remove", "--console", "viktor", "--config", config).code == 0
    assert list(configuration.load(config, {}).operators) == ["olga"]
    assert added(config, "--console", "--replace", "olga", "viewer").code == 0
    assert configuration.load(config, {}).operators["olga"].role == "viewer"


def test_a_role_that_is_none_and_a_certificate_are_refused(config: Path) -> None:
    assert added(config, "--console", "olga").code == 78  # no file is named
    config.write_text(config.read_text() + '\n[console]\nusers_file = "console-users"\n', encoding="utf-8")
    assert added(config, "--console", "olga", "admin").code == 64
    assert added(config, "--console", "olga", "operator", "viewer").code == 64
    assert smsbridge("user", "add", "--console", "olga", "--certificate", "--config", config).code == 64
    assert not config.with_name("console-users").exists()
