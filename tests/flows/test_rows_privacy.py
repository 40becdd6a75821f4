"""What the bridge gives away about people and secrets: a whole run in both directions, and a look everywhere.

Row 128: nobody stands in the log. Row 129: what was erased is in no file. Row 130: secrets stand nowhere but in their
files. Row 131: nobody else can read what it writes.
"""

import os
import secrets
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge import config
from bridge.daemon.parts import provider, transport
from bridge.simulator import Simulator
from bridge.spool.forgetting import number
from bridge.spool.sqlite import open_spool
from tests.databases import Database
from tests.flows.rig import (
    ADDRESS,
    ANNA,
    BERND,
    LINE,
    PHONE,
    POSTMASTER,
    SILENT,
    SILENT_ADDRESS,
    Bridge,
    letter,
    running,
)
from tests.long.spools import on_server
from tests.test_systemd import settings
from tests.wait import until

STRANGER, STRANGERS = "436600000077", "stranger@example.com"
WORDS = ("Erdbeere", "Pflaume", "Quitte", "Marille", "Zwetschke")
DAY = 86400.0


@asynccontextmanager
async def lived(place: Path, database: Database | None = None) -> AsyncIterator[tuple[Bridge, Simulator, list[str]]]:
    """A bridge to which everything has happened that happens, and the ids of the mails it took."""
    async with running(place, start=False) as (bridge, simulator):
        if database is not None:
            on_server(bridge, database.server, database.url)
        bridge.start()
        await bridge.ready()
        taken = [await bridge.post(letter(WORDS[0], Subject=WORDS[1]))]
        await bridge.settled(taken[0], "delivered")
        for phone in (PHONE, STRANGER):
            await simulator.incoming(phone=phone, line=LINE, text=WORDS[2])
        simulator.fault(status=4002, message=f"number {PHONE} of {ANNA} is wrong")
        taken.append(await bridge.post(letter(WORDS[4]), sender=BERND))
        await bridge.settled(taken[-1], "failed")
        simulator.fault(shape="reset", accept=True)
        taken.append(await bridge.post(letter(WORDS[1])))
        for recipient, sender in ((ADDRESS, STRANGERS), ("unknown@sms.example.com", ANNA), ("a@example.com", ANNA)):
            await bridge.reply(letter(WORDS[0]), recipient, sender=sender)
        await bridge.command("explain", str(_eml(place)), "--from", ANNA, "--to", ADDRESS)
        taken.append(await bridge.post(letter(WORDS[3]), SILENT_ADDRESS))
        await bridge.settled(taken[-1], "sent")
        await until(lambda: len(bridge.mails) >= 3 or None, "two SMS and a notice")
        await bridge.drained()
        yield bridge, simulator, taken


def _eml(place: Path) -> Path:
    (place / "mail.eml").write_bytes(bytes(letter(WORDS[2])))
    return place / "mail.eml"


async def _trace(bridge: Bridge, taken: list[str]) -> str:
    asked = [("trace", taken[0]), ("trace", taken[1], "--json"), ("queue", "show", taken[2])]
    return "".join([(await bridge.command(*arguments))[1] for arguments in asked])


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_row_128_nobody_stands_in_the_log_at_any_level(
    tmp_path: Path, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bridge, "options", ("--log-level", level))
    async with lived(tmp_path) as (bridge, _, _):
        bridge.signal(signal.SIGHUP)
        await until(lambda: "reloaded" in bridge.log or None, "it is reloaded")
        bridge.kill()
        bridge.start()
        await bridge.ready()
        assert await bridge.stop() == 0
        log = bridge.log
        for word in ("queued", "sent", "bounced", "reject", "report", "notice", "unknown", "started", "stopped"):
            assert word in log, word
        people = (PHONE, SILENT, STRANGER, LINE, ANNA, BERND, POSTMASTER, STRANGERS, "anna@", "bernd@", "a@example")
        for seeded in (*people, *WORDS, "0660", "660 0000001", "6600000001", ADDRESS):
            assert seeded not in log, f"{seeded} stands in the log"


async def test_row_129_after_a_whole_run_nothing_is_left_of_what_was_erased(tmp_path: Path) -> None:
    """First the texts, then one phone, then all."""
    async with lived(tmp_path) as (bridge, _, taken):
        assert await bridge.stop() == 0
        spool = await open_spool(tmp_path / "smsbridge.db")
        now = time.time()
        await spool.purge(now + 4 * DAY, 3 * DAY, 90 * DAY)
        await until(lambda: not _holding(tmp_path, WORDS[:3]), "the texts are erased while the daemon runs")
        assert len(await spool.show(taken[0])) == 1, "their history is kept"
        await spool.close()
        assert PHONE in "".join(_holding(tmp_path, (PHONE,)))
        bridge.start()
        await bridge.ready()
        code, said, complaint = await bridge.command("forget", PHONE, "--yes")
        assert code == 0, complaint
        assert "sms" in said
        assert _holding(tmp_path, (PHONE, *WORDS[:3])) == []
        assert await bridge.stop() == 0
        spool = await open_spool(tmp_path / "smsbridge.db")
        await spool.purge(now + 99 * DAY, 3 * DAY, 90 * DAY)
        everybody = (PHONE, SILENT, STRANGER, ANNA, BERND, STRANGERS)
        await until(lambda: not _holding(tmp_path, everybody), "their history is erased while the daemon runs")
        await spool.close()


def _holding(place: Path, words: tuple[str, ...]) -> list[str]:
    """What of the words stands in the files of the spool, and where."""
    found = []
    for file in place.glob("smsbridge.db*"):
        content = file.read_bytes()
        found += [f"{word} in {file.name}" for word in words if word.encode() in content]
    return found


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
async def test_row_130_secrets_stand_nowhere_but_in_their_files(
    tmp_path: Path, store: str, request: pytest.FixtureRequest
) -> None:
    database: Database | None = request.getfixturevalue("bare") if store == "postgres" else None
    async with lived(tmp_path, database) as (bridge, simulator, taken):
        known = [bridge.token, bridge.secret, (tmp_path / "smsbridge.key").read_text().strip()]
        if database is not None:
            known.append(database.server.password)
        process = Path(f"/proc/{bridge.pid}")
        shown = {
            "argv": (process / "cmdline").read_text(),
            "environment": (process / "environ").read_text(),
            "trace and queue": await _trace(bridge, taken),
            "list": "".join((await bridge.command("queue", "list", "--state", "unknown"))[1:]),
            "check": "".join((await bridge.command("check"))[1:]),
            "readiness": str(await bridge.readiness()),
            "mails": "".join(str(mail) for mail in bridge.mails),
            "configuration": repr(config.load(bridge.config)) + str(config.load(bridge.config)),
        }
        # A wrong token: what the provider says of it, and the bridge to its operator.
        bridge.write_token(wrong := secrets.token_urlsafe(24))
        bridge.signal(signal.SIGHUP)
        await until(lambda: "reloaded" in bridge.log or None, "it is reloaded")
        await bridge.post(letter("neu"), SILENT_ADDRESS)
        await until(lambda: "paused" in bridge.log or None, "the account is paused")
        shown["readiness, paused"] = str(await bridge.readiness())
        await bridge.stop()
        shown["log"] = bridge.log
        requests = [(message.path, message.raw.decode("utf-8", "replace")) for message in simulator.messages]
        for where, text in [*shown.items(), *requests]:
            for secret in (*known, wrong):
                if (where, text) in requests and secret == bridge.secret:
                    continue  # where it reports to is what the provider must know
                assert secret not in where + text, where


async def test_row_130_what_holds_a_secret_does_not_show_it(tmp_path: Path) -> None:
    async with running(tmp_path, start=False) as (bridge, _):
        (tmp_path / "smsbridge.key").touch(mode=0o600)
        (tmp_path / "smsbridge.key").write_text(secrets.token_hex(32) + "\n")
        loaded = config.load(bridge.config)
        carriers = provider(loaded), transport(loaded)
        known = (bridge.token, bridge.secret, loaded.keys[0].decode())
        for shown in (repr(loaded), str(loaded), repr(loaded.secrets), *map(repr, carriers), *map(str, carriers)):
            assert not any(secret in shown for secret in known)
        for carrier in carriers:
            await carrier.close()


def test_row_130_a_core_is_not_written_and_credentials_are_not_in_the_unit() -> None:
    service = settings("smsbridge.service")
    assert service["LimitCORE"] == ["0"]
    assert "Environment" not in service
    assert "SetCredential" not in service
    assert len(service["LoadCredential"]) >= 3


async def test_row_131_nobody_else_can_read_what_it_writes(tmp_path: Path) -> None:
    """Whatever it inherits: started by hand there is no UMask=0077 of the unit."""
    for name in ("accepted", "log"):
        (tmp_path / name).touch()
    before = os.umask(0)
    try:
        async with running(tmp_path, start=False) as (bridge, simulator):
            given = set(tmp_path.rglob("*"))
            bridge.start()
            await bridge.ready()
            await bridge.post(letter("hin"))
            await simulator.incoming(phone=PHONE, line=LINE, text="her")
            await until(lambda: bridge.mails or None, "it is in the mailbox")
            await bridge.command("backup", str(tmp_path / "backup"))
            await bridge.command("queue", "list")
            loose = _loose(set(tmp_path.rglob("*")) - given)
            assert await bridge.stop() == 0
            loose |= _loose(set(tmp_path.rglob("*")) - given)
    finally:
        os.umask(before)
    assert loose == {}
    assert (tmp_path / "backup").exists()


def _loose(files: set[Path]) -> dict[str, str]:
    found = {}
    for file in files:
        try:
            mode = file.stat().st_mode & 0o777
        except FileNotFoundError:  # it has gone meanwhile
            continue
        if mode & 0o077:
            found[file.name] = f"{mode:04o}"
    return found


@pytest.mark.parametrize("name", ["websms-token", "webhook-secret", "smsbridge.key", "smsbridge.db"])
async def test_row_131_looser_files_are_refused_with_the_command_that_mends_it(tmp_path: Path, name: str) -> None:
    async with running(tmp_path) as (bridge, _):
        assert await bridge.stop() == 0
        file = tmp_path / name
        file.chmod(0o644)
        bridge.start()
        assert await bridge.ended() == 78
        assert "chmod 640" in bridge.log
        assert "Traceback" not in bridge.log
        file.chmod(0o640)
        bridge.start()
        await bridge.ready()
        assert await bridge.stop() == 0


async def test_row_131_a_reload_with_a_looser_file_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        (tmp_path / "websms-token").chmod(0o666)
        bridge.signal(signal.SIGHUP)
        await until(lambda: "reload refused" in bridge.log or None, "it says so")
        await bridge.post(letter("geht weiter"))
        await until(lambda: simulator.messages or None, "it goes on with the old one")


async def test_row_129_a_number_is_forgotten_on_a_server_too(tmp_path: Path, bare: Database) -> None:
    async with lived(tmp_path, bare) as (bridge, _, taken):
        code, _, complaint = await bridge.command("forget", PHONE, "--yes")
        assert code == 0, complaint
        assert "traces of it may stay on the disk" in complaint
        assert (await bridge.command("queue", "show", taken[0]))[0] == 1
        spool = await bare.open()
        again = await spool.forget(number(PHONE), time.time(), yes=True)
        await spool.close()
        assert again.counts == {}
