"""`smsbridge spool copy` as a user runs it."""

import asyncio
from pathlib import Path

import pytest

from bridge.spool.sqlite import open_spool
from tests.cli.conftest import Here, smsbridge
from tests.databases import Database
from tests.make import delivery, intake


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A spool with one mail, that nobody works on."""

    async def filling() -> Path:
        spool = await open_spool(tmp_path / "s.db")
        await spool.accept(intake(delivery()))
        await spool.close()
        return spool.path

    return asyncio.run(filling())


def test_there_and_back(here: Here, filled: Path, bare: Database) -> None:
    password = filled.with_name("password")
    password.write_text(bare.server.password + "\n")
    there = here("spool", "copy", "--from", f"sqlite:{filled}", "--to", bare.url, "--to-password-file", password)
    assert (there.code, there.err) == (0, "")
    assert "         1  deliveries\n" in there.out
    assert "[spool]" in there.out
    back = here(
        "spool", "copy", "--json", "--from", bare.url, "--from-password-file", password, "--to", f"sqlite:{filled}2"
    )
    assert back.code == 0
    assert (back.json["mails"], back.json["deliveries"]) == (1, 1)


def test_what_cannot_be_copied_is_said(here: Here, filled: Path) -> None:
    again = smsbridge("spool", "copy", "--from", f"sqlite:{filled}", "--to", f"sqlite:{filled}")
    assert again.code == 78
    assert "name a file that does not" in again.err
    url = "postgresql://bridge:made-up@db.example.com/x"
    wrong = here("spool", "copy", "--from", f"sqlite:{filled}", "--to", url)
    assert wrong.code == 64
    assert "must not hold a password" in wrong.err
    assert "made-up" not in wrong.err
