"""The users file as it is found and edited: what stays, what is refused, and that it is exchanged whole."""

import fcntl
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import config
from bridge.config import ConfigError, users_file
from bridge.config.problems import Invalid
from bridge.config.users import CERTIFICATE
from bridge.config.users_file import CannotEdit, UsersFile, edit, fields, line, put, without
from tests.config import setup

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
ODD = BOM + "# who may log in\r\n\r\n  anna:x:a@example.com  \r\n#ben:x:b@example.com\n\tcarl::\n\nno line"


@pytest.fixture
def file(tmp_path: Path) -> UsersFile:
    return users_file.locate(setup.put(tmp_path, setup.GOOD), {})


# Where it is.


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("", "bridge.toml: smtpd.users_file: is missing: there is no file for users; write below [smtpd]"),
        ("[smtpd]\nrequire_tls = 7", "bridge.toml:1: smtpd.users_file: is missing"),
        ("smtpd = 1", "bridge.toml:1: smtpd.users_file: is missing"),
        ("[smtpd]\nusers_file = 1", "bridge.toml:2: smtpd.users_file: this must be text"),
        ("[smtpd]\nusers_file = ''", "bridge.toml:2: smtpd.users_file: the text is empty"),
        ("[smtpd", "bridge.toml:1: this is not TOML"),
    ],
)
def test_a_configuration_without_a_users_file(tmp_path: Path, toml: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        users_file.locate(setup.private(tmp_path / "bridge.toml", toml), {})
    assert str(caught.value).startswith(said)


def test_there_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        users_file.locate(tmp_path / "bridge.toml", {})


def test_it_is_found_whatever_else_is_wrong(tmp_path: Path) -> None:
    path = setup.private(tmp_path / "bridge.toml", 'nonsense = 1\n[smtpd]\nlisten = 3\nusers_file = "sub/users"\n')
    assert users_file.locate(path, {}).path == tmp_path / "sub" / "users"


def test_a_copy_that_systemd_made_is_not_edited(tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    before = setup.private(credentials / "users", "anna:certificate:anna@example.com\n").read_bytes()
    found = users_file.locate(path, {"CREDENTIALS_DIRECTORY": str(credentials)})
    with pytest.raises(CannotEdit, match="a copy that systemd made"):
        edit(found, lambda content: content + "x")
    assert found.path.read_bytes() == before


def test_users_and_what_is_wrong_with_the_others(file: UsersFile) -> None:
    assert list(users_file.listed(file)[0]) == ["anna", "monitoring"]
    with file.path.open("a") as stream:
        stream.write("ben:x:b@example.com\n")
    found, problems = users_file.listed(file)
    assert list(found) == ["anna", "monitoring"]
    assert [problem.line for problem in problems] == [4]


def test_no_file_is_no_users(file: UsersFile) -> None:
    file.path.unlink()
    assert users_file.listed(file) == ({}, ())
    assert users_file.peek(file, "anna") is None


def test_rows_that_name_a_user(file: UsersFile) -> None:
    assert users_file.named_in_routes(file, "anna") == ["routes.toml:4"]
    assert users_file.named_in_routes(file, "monitoring") == []


@pytest.mark.parametrize("routes", ["", "[[route", "route = 1", "[[route]]\nallow = 1", "route = [1]", "[route]"])
def test_routes_that_cannot_be_read_name_nobody(file: UsersFile, routes: str) -> None:
    setup.private(file.configuration.with_name("routes.toml"), routes)
    assert users_file.named_in_routes(file, "anna") == []


@pytest.mark.parametrize("written", ["", "routes = 1\n", 'routes = "elsewhere.toml"\n'])
def test_without_routes_nobody_is_named(tmp_path: Path, written: str) -> None:
    path = setup.private(tmp_path / "bridge.toml", written + '[smtpd]\nusers_file = "users"\n')
    assert users_file.named_in_routes(users_file.locate(path, {}), "anna") == []


# Lines.


def test_a_line_is_what_a_reader_understands() -> None:
    assert (
        line("a.b@c", CERTIFICATE, ["a@example.com", "*@example.org"])
        == "a.b@c:certificate:a@example.com,*@example.org"
    )
    for name, hash_, addresses in (
        ("a b", CERTIFICATE, ["a@example.com"]),
        ("a:b", CERTIFICATE, ["a@example.com"]),
        ("#a", CERTIFICATE, ["a@example.com"]),
        ("a", "x", ["a@example.com"]),
        ("a", CERTIFICATE, []),
        ("a", CERTIFICATE, ["*"]),
        ("a", CERTIFICATE, ['"a,b"@example.com']),
        ("a", CERTIFICATE, ["a@example.com\nroot:certificate:*@example.com"]),
    ):
        with pytest.raises(Invalid):
            line(name, hash_, addresses)


def test_fields_as_they_are_written() -> None:
    assert fields(ODD, "anna") == ("x", "a@example.com")
    assert fields(ODD, "carl") == ("", "")
    assert fields(ODD, "ben") is None
    assert fields(ODD, "no line") is None
    assert fields(BOM + "anna:h:a:b", "anna") == ("h", "a:b")


def test_a_line_takes_the_place_of_the_old_and_nothing_else_changes() -> None:
    assert put(ODD, "anna", "NEW") == ODD.replace("  anna:x:a@example.com  ", "NEW")
    assert put(ODD, "carl", "NEW") == ODD.replace("\tcarl::", "NEW")
    assert put(ODD, "dora", "NEW") == ODD + "\r\nNEW\r\n"
    assert put("", "dora", "NEW") == "NEW\n"
    assert put("# x\n", "dora", "NEW") == "# x\nNEW\n"
    assert put(BOM + "dora::", "dora", "NEW") == BOM + "NEW"
    with pytest.raises(CannotEdit, match="on lines 1 and 3"):
        put("a:x:y\n\n a:z:y", "a", "NEW")


def test_a_user_goes_with_all_lines_and_nothing_else_changes() -> None:
    assert without(ODD, "anna") == ODD.replace("  anna:x:a@example.com  \r\n", "")
    assert without(ODD, "ben") == ODD
    assert without("a:x:y\n\n a:z:y", "a") == ""
    assert without(BOM + "a:x:y\nb:x:y\n", "a") == BOM + "b:x:y\n"


_PIECES = st.sampled_from(["a", "b", ":", ":x:y", "#", "\n", "\r\n", " ", "\t", BOM, "ä"])


@given(st.lists(_PIECES).map("".join))
def test_whatever_stands_there_is_kept(content: str) -> None:
    new = "a:certificate:a@example.com"
    lines = [written for written in content.split("\n") if written]
    try:
        made = put(content, "a", new)
    except CannotEdit:
        return
    assert fields(made, "a") == ("certificate", "a@example.com")
    kept = [written for written in made.split("\n") if written]
    assert len(kept) in {len(lines), len(lines) + 1}
    gone = without(made, "a")
    assert fields(gone, "a") is None
    for name in ("b", "ab", "ba"):
        assert fields(content, name) == fields(made, name) == fields(gone, name)
    if fields(content, "a") is None:
        assert gone.rstrip("\r\n") == content.rstrip("\r\n")


# The file.


def appended(content: str) -> str:
    return content + "# one more\n"


def test_owner_and_mode_stay_and_nothing_is_left_behind(file: UsersFile) -> None:
    file.path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file.path, 12345, 23456)
    before, there = file.path.stat(), sorted(file.path.parent.iterdir())
    content = file.path.read_bytes()
    edit(file, appended)
    after = file.path.stat()
    assert file.path.read_bytes() == content + b"# one more\n"
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert sorted(file.path.parent.iterdir()) == there
    assert after.st_ino != before.st_ino  # exchanged whole: who had it open still reads the old one


def test_what_changes_nothing_writes_nothing(file: UsersFile) -> None:
    before = file.path.stat()
    edit(file, lambda content: content)
    assert file.path.stat() == before


def test_a_new_file_is_private(file: UsersFile) -> None:
    file.path.unlink()
    previous = os.umask(0)
    try:
        edit(file, appended)
    finally:
        os.umask(previous)
    assert file.path.read_text() == "# one more\n"
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_new_file_of_root_is_for_the_group_that_reads_the_configuration(file: UsersFile) -> None:
    file.path.unlink()
    os.chown(file.configuration, 0, 23456)
    file.configuration.chmod(0o644)
    edit(file, appended)
    made = file.path.stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (0, 23456, 0o640)


def test_a_link_is_not_followed(file: UsersFile) -> None:
    target = file.path.rename(file.path.with_name("elsewhere"))
    before = target.read_bytes()
    file.path.symlink_to(target)
    with pytest.raises(CannotEdit, match="a symbolic link"):
        edit(file, appended)
    assert (target.read_bytes(), file.path.is_symlink()) == (before, True)


def test_a_link_in_the_way_of_the_new_file_is_not_followed(file: UsersFile) -> None:
    victim = setup.private(file.path.with_name("victim"), "untouched")
    file.path.with_name(".users.new").symlink_to(victim)
    edit(file, appended)
    assert victim.read_text() == "untouched"
    assert file.path.read_text().endswith("# one more\n")
    assert not file.path.is_symlink()


@pytest.mark.parametrize("kind", ["fifo", "directory"])
def test_what_is_no_file_is_refused(file: UsersFile, kind: str) -> None:
    file.path.unlink()
    os.mkfifo(file.path) if kind == "fifo" else file.path.mkdir()
    with pytest.raises(CannotEdit, match="is not a file"):
        edit(file, appended)


def test_what_is_no_text_is_refused(file: UsersFile) -> None:
    file.path.write_bytes(b"\xff\n")
    with pytest.raises(CannotEdit, match="is not UTF-8 text"):
        edit(file, appended)
    assert file.path.read_bytes() == b"\xff\n"


def test_an_editor_that_saves_meanwhile_is_not_overwritten(file: UsersFile) -> None:
    def slow(content: str) -> str:
        file.path.write_text(content + "# by hand\n")
        return appended(content)

    with pytest.raises(CannotEdit, match="by somebody else meanwhile"):
        edit(file, slow)
    assert file.path.read_text().endswith("# by hand\n")
    assert not file.path.with_name(".users.new").exists()


def test_a_directory_that_may_not_be_written_is_an_oserror(file: UsersFile) -> None:
    missing = UsersFile(path=file.path.parent / "no" / "users", configuration=file.configuration, place=file.place)
    with pytest.raises(FileNotFoundError):
        edit(missing, appended)


@contextmanager
def held(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def test_it_does_not_wait_for_ever(file: UsersFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users_file, "PATIENCE", 0.1)
    before = file.path.read_bytes()
    with held(file.path.parent), pytest.raises(CannotEdit, match="another command is editing"):
        edit(file, appended)
    assert file.path.read_bytes() == before


def test_many_at_once_lose_nothing(file: UsersFile) -> None:
    def add(number: int) -> None:
        mine = users_file.locate(file.configuration, {})
        edit(mine, lambda content: put(content, f"u{number}", f"u{number}:certificate:u{number}@example.com"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded = config.load(file.configuration, {})
    assert {f"u{number}" for number in range(20)} < set(loaded.users)


CUT = """
import os, sys
from pathlib import Path
from bridge.config import users_file
step, left = sys.argv[2], int(sys.argv[3])
real = getattr(os, step)
def cut(*given, **named):
    os._exit(9) if left else None
    done = real(*given, **named)
    os._exit(9)
setattr(os, step, cut)
file = users_file.locate(Path(sys.argv[1]), {})
users_file.edit(file, lambda content: users_file.put(content, "ben", "ben:certificate:ben@example.com"))
"""


@pytest.mark.parametrize("step", ["open", "fchmod", "fsync", "replace"])
@pytest.mark.parametrize("before", [0, 1])
def test_whoever_is_killed_leaves_the_old_or_the_new(file: UsersFile, step: str, before: int) -> None:
    command = [sys.executable, "-c", CUT, str(file.configuration), step, str(before)]
    assert subprocess.run(command, check=False, timeout=60).returncode == 9
    names = set(config.load(file.configuration, {}).users)
    assert names in ({"anna", "monitoring"}, {"anna", "ben", "monitoring"})
    assert ("ben" in names) is (step == "replace" and not before)
    edit(file, appended)  # what was left is no hindrance
    assert not [path for path in file.path.parent.iterdir() if re.fullmatch(r"\.users.*", path.name)]
