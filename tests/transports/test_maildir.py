"""The Maildir transport on a real file system."""

import asyncio
import errno
import mailbox
import os
from pathlib import Path
from typing import Any

import pytest

from bridge.message import Channel, Delivery, Scope, Verdict
from bridge.transports import Transport
from bridge.transports.maildir import Maildir, file_name

NOW = 1_700_000_000.5
MAIL = (
    b"From: Anna <anna@example.com>\r\n"
    b"Message-ID: <1@sms.example.com>\r\n"
    b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n"
    b"\r\n"
    b"From here on\r\n.\r\n8-bit: \xc3\xa4\r\n"
)


def delivery(**changes: Any) -> Delivery:
    given: dict[str, Any] = {
        "id": "m1-1",
        "mail": "m1",
        "channel": Channel.MAIL,
        "recipient": "anna@example.com",
        "sender": "bounce+m1@sms.example.com",
        "payload": MAIL,
        "created_at": NOW,
        "next_at": NOW,
        "expires_at": NOW + 3600,
    }
    return Delivery(**(given | changes))


def files(path: Path) -> list[Path]:
    return sorted(found for found in path.rglob("*") if found.is_file())


async def test_a_mail_arrives_whole(tmp_path: Path) -> None:
    maildir: Transport = Maildir(path=tmp_path / "new" / "box")
    found = await maildir.send(delivery(), NOW)
    await maildir.close()
    assert (found.verdict, found.status) == (Verdict.ACCEPTED, "2.0.0")
    (file,) = files(tmp_path / "new" / "box" / "new")
    assert file.read_bytes() == (
        b"Return-Path: <bounce+m1@sms.example.com>\nDelivered-To: anna@example.com\n" + MAIL.replace(b"\r\n", b"\n")
    )
    assert not files(tmp_path / "new" / "box" / "tmp")


async def test_a_mail_reader_can_read_it(tmp_path: Path) -> None:
    await Maildir(path=tmp_path / "box").send(delivery(sender=""), NOW)
    (message,) = mailbox.Maildir(tmp_path / "box", create=False)
    assert message["Return-Path"] == "<>"
    assert message["From"] == "Anna <anna@example.com>"


async def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    await Maildir(path=tmp_path / "box").send(delivery(), NOW)
    (file,) = files(tmp_path / "box")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


async def test_a_repeat_makes_no_second_copy(tmp_path: Path) -> None:
    maildir = Maildir(path=tmp_path / "box")
    for _ in range(3):
        assert (await maildir.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
    assert len(files(tmp_path / "box")) == 1


@pytest.mark.parametrize("flags", ["", ":2,", ":2,S", ":2,FRS"])
async def test_a_repeat_after_it_was_read_makes_no_second_copy(tmp_path: Path, flags: str) -> None:
    maildir = Maildir(path=tmp_path)
    await maildir.send(delivery(), NOW)
    (file,) = files(tmp_path)
    file.rename(tmp_path / "cur" / (file.name + flags))
    assert (await maildir.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
    assert len(files(tmp_path)) == 1


async def test_what_a_crash_left_in_tmp_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / file_name(delivery())).write_bytes(b"half a ma")
    await Maildir(path=tmp_path).send(delivery(), NOW)
    (file,) = files(tmp_path / "new")
    assert file.read_bytes().endswith(b"8-bit: \xc3\xa4\n")


async def test_deliveries_do_not_meet(tmp_path: Path) -> None:
    maildir = Maildir(path=tmp_path)
    ids = ["m1-1", "m1-2", "m2-1", "m1-10"]
    found = await asyncio.gather(*(maildir.send(delivery(id=one), NOW) for one in ids * 3))
    assert {receipt.verdict for receipt in found} == {Verdict.ACCEPTED}
    assert len(files(tmp_path)) == len(ids)


def test_a_name_stays_in_its_directory() -> None:
    name = file_name(delivery(id="../../etc:2,S/x\n"))
    assert "/" not in name
    assert ":" not in name
    assert "\n" not in name
    assert not name.startswith(".")


async def test_an_address_adds_no_header(tmp_path: Path) -> None:
    await Maildir(path=tmp_path).send(delivery(sender="a@example.com>\r\nBcc: <b@example.com"), NOW)
    (message,) = mailbox.Maildir(tmp_path, create=False)
    assert message["Bcc"] is None


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (errno.ENOSPC, Verdict.TEMPORARY),
        (errno.EDQUOT, Verdict.TEMPORARY),
        (errno.EIO, Verdict.TEMPORARY),
        (errno.EROFS, Verdict.OURS),
        (errno.EACCES, Verdict.OURS),
    ],
)
async def test_a_disk_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, verdict: Verdict
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "cur").mkdir()
    found = await Maildir(path=tmp_path).send(delivery(), NOW)
    assert (found.verdict, found.alert) == (verdict, True)
    assert not files(tmp_path)
    monkeypatch.undo()
    assert (await Maildir(path=tmp_path).send(delivery(), NOW)).verdict is Verdict.ACCEPTED


async def test_a_path_that_is_a_file_is_ours_to_repair(tmp_path: Path) -> None:
    (tmp_path / "box").write_text("not a directory")
    found = await Maildir(path=tmp_path / "box").send(delivery(), NOW)
    assert (found.verdict, found.scope) == (Verdict.OURS, Scope.ACCOUNT)
    assert str(tmp_path) not in found.text


async def test_row_131_what_it_makes_is_its_owners_alone_whatever_was_inherited(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await Maildir(path=tmp_path / "Maildir").send(delivery(), NOW)
    finally:
        os.umask(before)
    assert {path.name: path.stat().st_mode & 0o077 for path in tmp_path.rglob("*") if path.stat().st_mode & 0o077} == {}
