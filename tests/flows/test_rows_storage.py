"""The disk and the file under a daemon that runs as a program: what it answers, how it ends, how it starts again."""

import asyncio
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.message import Channel, Sms, State, encode_sms
from bridge.spool.generation import file_of
from bridge.spool.sqlite import open_spool
from tests import pg
from tests.faulty_disk import fill, small
from tests.flows.program import PROGRAM
from tests.flows.relays import missing
from tests.flows.rig import POSTMASTER, SILENT_ADDRESS, Bridge, letter, queue_id, running, words
from tests.long import spools
from tests.make import NOW, delivery, intake
from tests.wait import until, until_async

MIB = 1024 * 1024
_STRACE = ("strace", "-D", "-f", "-qq", "-o", "/dev/null")


def spool_of(bridge: Bridge) -> Path:
    return bridge.place / "smsbridge.db"


async def test_row_69_a_sync_that_fails_ends_the_daemon_and_loses_nothing(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        missing("strace is not installed")
    async with running(tmp_path, start=False) as (bridge, simulator):
        # The first syncs are those of a file being made; then some mails are taken, and one is the first that is not.
        bridge.start(*_STRACE, "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:error=EIO:when=60+")
        taken: list[str] = []
        reply = ""
        try:
            await bridge.ready()
            for number in range(200):
                reply = await bridge.reply(letter(f"Nummer {number}"), SILENT_ADDRESS)
                if not reply.startswith("250 "):
                    break
                taken.append(queue_id(reply))
        except (OSError, EOFError):  # it had the courtesy to go before we asked
            pass
        assert reply.startswith(("250 ", "451 4.3.0 ")), reply
        assert await bridge.ended() == 1
        assert "giving up" in bridge.log
        assert "Traceback" not in bridge.log
        bridge.start()
        await bridge.ready()
        await until_async(lambda: _settled(bridge), "everything is settled")
        assert await bridge.stop() == 0
        sent = [message.text for message in simulator.messages]
        assert len(sent) == len(set(sent)), "nothing twice"
        spool = await open_spool(spool_of(bridge))
        found = [item.state for identifier in taken for item, _ in await spool.show(identifier)]
        await spool.close()
        assert len(found) == len(taken)
        assert set(found) <= {State.SENT, State.UNKNOWN}


async def _settled(bridge: Bridge) -> bool:
    return all(left["state"] == "unknown" for left in await bridge.queue())


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A real disk of 100 MiB: the daemon is a program of its own, so no other will do."""
    with small("tmpfs", tmp_path, 130 * MIB, monkeypatch) as place:
        yield place


async def test_rows_70_and_71_a_disk_that_fills_up_while_a_call_is_under_way(disk: Path) -> None:
    async with running(disk) as (bridge, simulator):
        simulator.fault(delay=1.5)
        first = await bridge.post(letter("unterwegs"), SILENT_ADDRESS)
        await until(lambda: simulator.messages or None, "the call is under way")
        somebody = fill(disk)
        await until(lambda: "disk low" in bridge.log or None, "it is seen")
        assert (await bridge.reply(letter("kein Platz"))).startswith("452 4.3.1 ")
        notified = await simulator.incoming(phone="436600000010", line="436600000099", text="kein Platz")
        await until(lambda: notified.attempts or None, "the provider is answered")
        assert {attempt.http for attempt in notified.attempts} == {503}
        assert (await bridge.settled(first, "sent"))["attempts"] == 1, "its outcome is written down all the same"
        somebody.unlink()
        await until(lambda: "disk well" in bridge.log or None, "there is room again")
        await bridge.post(letter("wieder Platz"), SILENT_ADDRESS)
        await simulator.idle()
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["unterwegs", "wieder Platz"]
        assert len(bridge.mails_to(POSTMASTER)) == 2, "the SMS of a stranger, and that the disk was full"
        assert await bridge.stop() == 0


async def test_row_73_a_damaged_spool_is_refused_with_a_way_out(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, _):
        await bridge.post(letter("wartet"))
        await bridge.drained()
        assert await bridge.stop() == 0
        path = spool_of(bridge)
        good = path.read_bytes()
        path.write_bytes(b"\x00" * 100 + good[100:])
        bridge.start()
        assert await bridge.ended() == 78
        assert "put a backup in its place" in bridge.log
        assert "docs/operate.md" in bridge.log
        assert "Traceback" not in bridge.log
        assert path.read_bytes()[:100] == b"\x00" * 100, "left as it is, for whoever can save something from it"
        path.write_bytes(good)
        bridge.start()
        await bridge.ready()


async def test_row_76_a_newer_spool_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, _):
        assert await bridge.stop() == 0
        spool = await open_spool(spool_of(bridge))
        await spool.writer.run(lambda db: db.execute("PRAGMA user_version = 999").fetchall())
        await spool.close()
        before = spool_of(bridge).read_bytes()
        bridge.start()
        assert await bridge.ended() == 78
        assert "install the newer smsbridge again" in bridge.log
        code, _, complaint = await bridge.command("queue", "list")
        assert (code, "install the newer" in complaint) == (78, True)
        assert spool_of(bridge).read_bytes() == before


async def test_row_77_an_older_copy_starts_held_until_the_operator_lets_go(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        await simulator.stop()
        await bridge.post(letter("schon gesendet"), SILENT_ADDRESS)
        assert await bridge.stop() == 0
        copy = tmp_path / "backup"
        shutil.copy(spool_of(bridge), copy)
        await simulator.start("127.0.0.1", bridge.port("provider"))
        bridge.start()
        await bridge.ready()
        await bridge.drained()
        assert await bridge.stop() == 0
        assert len(simulator.messages) == 1

        shutil.copy(copy, spool_of(bridge))
        bridge.start()
        await bridge.ready()
        (alert,) = await until(lambda: bridge.mails_to(POSTMASTER) or None, "the postmaster is told")
        assert "1 SMS that wait are held" in words(alert).replace("\r\n", " ")
        assert [left["state"] for left in await bridge.queue()] == ["held"]
        fresh = await bridge.post(letter("neu"), SILENT_ADDRESS)
        await bridge.settled(fresh, "sent")
        assert [message.text for message in simulator.messages] == ["schon gesendet", "neu"], "what is new goes"

        assert (await bridge.command("queue", "release", "--restored"))[:2] == (0, "1 released\n")
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["schon gesendet", "neu", "schon gesendet"]


async def test_row_77_who_rolls_back_a_whole_machine_removes_a_file(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        await simulator.stop()
        await bridge.post(letter("vielleicht schon gesendet"), SILENT_ADDRESS)
        assert await bridge.stop() == 0
        file_of(spool_of(bridge)).unlink()
        await simulator.start("127.0.0.1", bridge.port("provider"))
        bridge.start()
        await bridge.ready()
        assert [left["state"] for left in await bridge.queue()] == ["held"]
        assert simulator.messages == []


async def test_row_79_while_postgresql_is_away_both_doors_say_later_and_it_recovers_alone(
    tmp_path: Path, postgres: pg.Server
) -> None:
    async with spools.fresh(tmp_path, postgres) as spool, running(tmp_path, start=False) as (bridge, simulator):
        spool.give(bridge)
        bridge.start()
        await bridge.ready()
        simulator.fault(delay=1.0)
        first = await bridge.post(letter("unterwegs"), SILENT_ADDRESS)
        await until(lambda: simulator.messages or None, "the call is under way")
        await asyncio.to_thread(postgres.stop)
        try:
            assert (await bridge.reply(letter("zu früh"), SILENT_ADDRESS)).startswith("451 4.3.0 ")
            notified = await simulator.incoming(phone="436600000010", line="436600000099", text="zu früh")
            await until(lambda: notified.attempts or None, "the provider is answered")
            assert {attempt.http for attempt in notified.attempts} == {503}
            shown = await bridge.readiness()
            assert (shown["ready"], "spool" in str(shown["reasons"])) == (False, True)
        finally:
            await asyncio.to_thread(postgres.start)
        await bridge.ready()
        assert (await bridge.settled(first, "sent"))["attempts"] == 1, "its outcome is written down all the same"
        await bridge.post(letter("wieder da"), SILENT_ADDRESS)
        await simulator.idle()
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["unterwegs", "wieder da"]
        assert len(bridge.mails_to(POSTMASTER)) == 1, "the SMS of a stranger, once"
        assert await bridge.stop() == 0


async def test_row_83_killed_for_its_memory_it_starts_again_whatever_the_queue(tmp_path: Path) -> None:
    """The queue lives on the disk: neither what the daemon keeps nor what it does first grows with it."""
    async with running(tmp_path, start=False) as (bridge, simulator):
        await simulator.stop()
        memory = []
        for more in (0, 50_000):
            spool = await open_spool(spool_of(bridge))
            for first in range(0, more, 1000):
                mail = f"M{first}"
                waiting = [
                    delivery(n, mail=mail, next_at=time.time(), expires_at=time.time() + 86400) for n in range(1000)
                ]
                await spool.accept(intake(*waiting, id=mail))
            await spool.close()
            bridge.start()
            await bridge.ready()
            assert (await bridge.readiness())["queued"] == more
            memory.append(_resident(bridge))
            bridge.kill()
        assert memory[1] - memory[0] < 16 * MIB, memory
        bridge.start()
        await bridge.ready()


def _resident(bridge: Bridge) -> int:
    return int(Path(f"/proc/{bridge.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


_BLOCKED = """
import os, signal, sys, time

def block(*_):
    print("blocked", file=sys.stderr, flush=True)
    while os.path.exists("{held}"):
        time.sleep(0.02)

signal.signal(signal.SIGUSR1, block)
"""


async def test_row_84_a_daemon_whose_loop_is_blocked_says_nothing_to_the_watchdog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then systemd kills it, which is row 67; its other threads run on."""
    held = tmp_path / "held"
    monkeypatch.setattr(Bridge, "program", _BLOCKED.format(held=held) + PROGRAM)
    async with running(tmp_path, start=False) as (bridge, _):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(tmp_path / "notify"))
            systemd.setblocking(False)
            monkeypatch.setattr(
                "tests.flows.program._environment",
                lambda: {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000", "PATH": "/usr/bin:/bin"},
            )
            bridge.start()
            await bridge.ready()
            await until(lambda: "WATCHDOG=1" in _heard(systemd) or None, "it says that it is alive")
            held.touch()
            bridge.signal(signal.SIGUSR1)
            await until(lambda: "blocked" in bridge.log or None, "its loop does not turn")
            _heard(systemd)  # what was said before
            silent_until = time.monotonic() + 1.0
            while time.monotonic() < silent_until:
                assert "WATCHDOG=1" not in _heard(systemd)
                await asyncio.sleep(0.05)
            held.unlink()
            await until(lambda: "WATCHDOG=1" in _heard(systemd) or None, "it goes on where nobody killed it")
            held.touch()
            bridge.signal(signal.SIGUSR1)
            await until(lambda: bridge.log.count("blocked") == 2 or None, "again")
            bridge.kill()
        monkeypatch.undo()
        bridge.start()
        await bridge.ready()


def _heard(systemd: socket.socket) -> str:
    said = []
    while True:
        try:
            said.append(systemd.recv(4096).decode())
        except BlockingIOError:
            return "\n".join(said)


async def test_row_129_what_was_erased_is_in_no_file_of_the_spool(tmp_path: Path) -> None:
    mark = "seeded-marker-in-a-text"
    spool = await open_spool(tmp_path / "s.db")
    payload = encode_sms(Sms(text=mark * 30))
    for number in range(50):
        sms = delivery(1, mail=f"M{number}", state=State.SENT, payload=payload)
        mail = delivery(2, mail=f"M{number}", state=State.SENT, channel=Channel.MAIL, payload=mark.encode() * 300)
        await spool.accept(intake(sms, mail, original=f"Subject: {mark}".encode()))
    assert any(mark.encode() in file.read_bytes() for file in tmp_path.iterdir())
    await spool.purge(NOW + 4 * 86400, 3 * 86400.0, 90 * 86400.0)

    def nowhere() -> bool:
        return not any(mark.encode() in file.read_bytes() for file in tmp_path.iterdir())

    await until(nowhere, "it is erased while the daemon runs")
    assert len(await spool.show("M1")) == 2, "their history is kept"
    await spool.close()
