"""What `demo` does with a directory, and what it says when a step does not happen."""

import socket
from pathlib import Path

import pytest

from bridge import config
from bridge.cli import demonstration
from bridge.cli.demonstration import Ports
from bridge.daemon import Daemon
from tests.cli.conftest import Here, smsbridge


def test_twice_in_one_directory_is_two_conversations(tmp_path: Path, here: Here) -> None:
    """What the first one left is not taken for the answer of the second."""
    place = tmp_path / "demo"
    for run in (smsbridge, here):
        ran = run("demo", "--once", "--dir", place)
        assert ran.code == 0, ran.err
        assert len(list((place / "Maildir" / "new").iterdir())) == 1


def test_a_directory_that_the_demo_did_not_make_is_left_alone(tmp_path: Path, here: Here) -> None:
    for name, content in (("bridge.toml", 'hostname = "mx.example.com"\n'), ("smsbridge.db", "somebody's spool")):
        (tmp_path / name).write_text(content)
    ran = here("demo", "--once", "--dir", tmp_path)
    assert ran.code == 64
    assert "was not made by the demo" in ran.err
    assert (tmp_path / "smsbridge.db").read_text() == "somebody's spool"
    assert (tmp_path / "bridge.toml").read_text() == 'hostname = "mx.example.com"\n'


def test_a_maildir_that_the_demo_did_not_make_is_left_alone(tmp_path: Path, here: Here) -> None:
    (tmp_path / "Maildir" / "new").mkdir(parents=True)
    (tmp_path / "Maildir" / "new" / "1").write_text("a mail")
    ran = here("demo", "--once", "--dir", tmp_path)
    assert ran.code == 64
    assert "Maildir" in ran.err
    assert (tmp_path / "Maildir" / "new" / "1").exists()


def test_a_file_is_no_directory(tmp_path: Path, here: Here) -> None:
    (tmp_path / "file").touch()
    assert here("demo", "--once", "--dir", tmp_path / "file").code == 64


def test_what_it_writes_is_a_right_configuration_that_others_cannot_read(tmp_path: Path) -> None:
    written = demonstration._write_configuration(tmp_path, Ports(), "a-made-up-token", "a-made-up-secret-that-is-long")
    loaded = config.load(written)
    assert loaded.warnings == ()
    assert [row.row for row in loaded.routes] == [1, 2]
    for name in ("websms-token", "webhook-secret"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_free_ports_are_free_and_all_different() -> None:
    ports = demonstration._free_ports()
    numbers = [ports.smtp, ports.webhook, ports.console, ports.provider, ports.control]
    assert len(set(numbers)) == 5
    for number in numbers:
        with socket.create_server(("127.0.0.1", number)):
            pass


async def test_a_step_that_does_not_happen_is_said_and_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demonstration, "AUTHOR", "eve@example.net")  # whom the row does not allow
    assert await demonstration.demonstrate(once=True, directory=tmp_path / "demo") == 1
    said = capsys.readouterr()
    assert "1/6" not in said.out
    assert "FAILED: the mail to bernd@sms.example.com was refused" in said.err
    daemon = Daemon(tmp_path / "demo" / "bridge.toml")
    await daemon.start()  # everything was let go
    await daemon.stop()


async def test_a_step_that_does_not_come_in_time_is_said_and_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demonstration, "PATIENCE", 0.0)
    assert await demonstration.demonstrate(once=True, directory=tmp_path / "demo") == 1
    said = capsys.readouterr()
    assert "1/6 " in said.out
    assert "FAILED: the SMS at the provider did not come within 0 s" in said.err
