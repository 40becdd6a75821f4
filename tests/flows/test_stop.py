"""The daemon's own life: how it stops, and how it says that it cannot start."""

import asyncio
import signal
import socket
import time
from pathlib import Path

import apsw
import pytest

from bridge.daemon import Daemon, daemon
from bridge.spool import sqlite
from tests.flows.rig import ADDRESS, ANNA, LINE, PHONE, SILENT_ADDRESS, letter, running
from tests.flows.smtp import Client
from tests.transports.servers import scripted
from tests.wait import until

SLOW = 2.0
"""Seconds a slow call takes; far below the bridge's own patience."""


async def test_row_123_sigterm_when_idle(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, _), await Client.connect(bridge.port("smtp")) as client:
        began = time.monotonic()
        assert await bridge.stop() == 0
        assert time.monotonic() - began < 5
        # Whoever was connected is told, not cut off.
        assert (await client.reader.read()).startswith(b"421 4.3.2 ")


async def test_row_123_sigterm_during_a_call_waits_for_its_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        simulator.fault(delay=SLOW)
        identifier = await bridge.post(letter("langsam"))
        await until(lambda: simulator.messages or None, "the call is under way")
        began = time.monotonic()
        assert await bridge.stop() == 0
        assert time.monotonic() - began < 40
        (found,) = await bridge.show(identifier)
        assert [event["event"] for event in found["events"]][:3] == ["queued", "sending", "sent"]
        bridge.start()
        await bridge.settled(identifier, "delivered")
        assert [message.text for message in simulator.messages] == ["langsam"]


async def test_row_123_a_call_that_outlasts_the_patience_is_unknown_not_repeated(tmp_path: Path) -> None:
    async with running(tmp_path, start=False, simulated={"report_delay": 3.0}) as (bridge, simulator):
        simulator.fault(delay=30.0)
        under_test = Daemon(bridge.config, grace=0.2)
        await under_test.start()
        identifier = await bridge.post(letter("zu langsam"))
        await until(lambda: simulator.messages or None, "the call is under way")
        await under_test.stop()
        assert (await bridge.show(identifier))[0]["state"] == "unknown"
        bridge.start()
        await bridge.settled(identifier, "delivered")  # by the phone's report
        assert [message.text for message in simulator.messages] == ["zu langsam"]


async def test_row_123_a_mail_half_said_at_sigterm_may_be_finished(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator), await Client.connect(bridge.port("smtp")) as client:
        client.writer.write(f"MAIL FROM:<{ANNA}>\r\nRCPT TO:<{ADDRESS}>\r\nDATA\r\n".encode())
        for _ in range(2):
            assert (await client.reader.readline()).startswith(b"250 ")
        assert (await client.reader.readline()).startswith(b"354 ")
        bridge.signal(signal.SIGTERM)
        await until(lambda: "stopping" in bridge.log, "it stops")
        client.writer.write(b"\r\nhalb gesagt\r\n.\r\n")
        reply = await client.reader.readline()
        assert reply.startswith(b"250 2.0.0 queued as ")
        assert await bridge.ended() == 0
        bridge.start()
        await bridge.ready()
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["halb gesagt"]


async def test_row_123_what_waits_at_the_end_goes_after_the_restart(tmp_path: Path) -> None:
    async with running(tmp_path, max_in_flight=1) as (bridge, simulator):
        simulator.fault(delay=1.0)
        for number in range(5):
            await bridge.post(letter(f"Nummer {number}"))
        await until(lambda: simulator.messages or None, "the first call is under way")
        assert await bridge.stop() == 0
        left = await bridge.queue()
        assert {delivery["state"] for delivery in left} <= {"queued"}
        bridge.start()
        await bridge.ready()
        await bridge.drained()
        assert sorted(message.text or "" for message in simulator.messages) == [
            f"Nummer {number}" for number in range(5)
        ]


async def test_row_123_an_sms_that_comes_while_it_stops_is_not_lost(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        notifications = [await simulator.incoming(phone=PHONE, line=LINE, text=f"SMS {number}") for number in range(20)]
        assert await bridge.stop() == 0
        bridge.start()
        await bridge.ready()
        await simulator.idle()
        ids = [notification.id for notification in notifications]
        await until(lambda: len(bridge.mails_to(ANNA)) >= len(ids), "all SMS are in the mailbox")
        assert sorted(str(mail["X-SMS-Notification-Id"]) for mail in bridge.mails) == sorted(ids)


async def test_row_75_a_second_instance_is_told_to_come_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, _):
        code, _, complaint = await bridge.command("serve")
        assert code == 75
        assert "another smsbridge works on the spool" in complaint
        assert (await bridge.readiness())["ready"]


async def test_a_wrong_configuration_is_named_with_its_line(tmp_path: Path) -> None:
    async with running(tmp_path, start=False) as (bridge, _):
        text = bridge.config.read_text()
        bridge.config.write_text(text.replace("[smtpd]\n", "[smtpd]\nlisten_on = 25\n"))
        line = bridge.config.read_text().split("\n").index("listen_on = 25") + 1
        bridge.start()
        assert await bridge.ended() == 78
        assert f"bridge.toml:{line}" in bridge.log
        assert "listen_on" in bridge.log
        assert "Traceback" not in bridge.log


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async with running(tmp_path, start=False) as (bridge, _):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", bridge.port("webhook")))
            other.listen()
            bridge.start()
            assert await bridge.ended() != 0
        assert str(bridge.port("webhook")) in bridge.log
        assert "address already in use" in bridge.log.lower()
        assert "Traceback" not in bridge.log


def test_row_123_the_figures_are_those_of_the_list() -> None:
    assert (daemon.DOOR_GRACE, daemon.CALL_GRACE) == (10, 25)
    assert daemon.CALL_GRACE + 5 + 5 < 40, "with what is noted and closed after it"


async def test_row_123_a_mail_that_is_never_finished_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "DOOR_GRACE", 0.5)
    async with running(tmp_path, start=False) as (bridge, _):
        under_test = Daemon(bridge.config)
        await under_test.start()
        async with await Client.connect(bridge.port("smtp")) as client:
            client.writer.write(f"MAIL FROM:<{ANNA}>\r\nRCPT TO:<{ADDRESS}>\r\nDATA\r\n".encode())
            for code in (b"250 ", b"250 ", b"354 "):
                assert (await client.reader.readline()).startswith(code)
            client.writer.write(b"\r\nhalb gesa")
            await under_test.stop()
            assert (await client.reader.read()).startswith(b"421 4.3.2 "), "not taken: its sender has it still"
        assert await bridge.queue() == []


async def test_row_123_a_second_sigterm_is_no_other_than_the_first(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        simulator.fault(delay=SLOW)
        await bridge.post(letter("langsam"), SILENT_ADDRESS)
        await until(lambda: simulator.messages or None, "the call is under way")
        for _ in range(3):
            bridge.signal(signal.SIGTERM)
        assert await bridge.ended(45) == 0
        assert await bridge.queue() == []


async def test_row_123_while_it_starts(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        await simulator.stop()
        await bridge.post(letter("wartet"), SILENT_ADDRESS)
        assert await bridge.stop() == 0
        for share in range(4):
            bridge.start()
            await asyncio.sleep(0.3 * share)
            # Before it listens to signals there is nothing to bring to an end.
            assert await bridge.stop() in {0, -signal.SIGTERM}
        await simulator.start("127.0.0.1", bridge.port("provider"))
        bridge.start()
        await bridge.ready()
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["wartet"]


async def test_row_123_while_nothing_can_be_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    async with running(tmp_path, start=False) as (bridge, simulator):
        under_test = Daemon(bridge.config, grace=2 * SLOW)
        await under_test.start()
        simulator.fault(delay=SLOW)
        await bridge.post(letter("nicht notiert"), SILENT_ADDRESS)
        await until(lambda: simulator.messages or None, "the call is under way")
        other = apsw.Connection(str(tmp_path / "smsbridge.db"))
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        await under_test.stop()
        assert time.monotonic() - began < 40
        other.execute("ROLLBACK")
        other.close()
        bridge.start()
        await bridge.ready()
        assert {left["state"] for left in await bridge.queue()} == {"unknown"}, "and never sent again by itself"
        assert len(simulator.messages) == 1


async def test_row_123_while_a_mail_is_handed_to_the_smarthost(tmp_path: Path) -> None:
    async with scripted() as (script, port), running(tmp_path, start=False, smarthost=port) as (bridge, simulator):
        under_test = Daemon(bridge.config, grace=0.5)
        await under_test.start()
        script.on["dot"] = None
        await simulator.incoming(phone=PHONE, line=LINE, text="unterwegs")
        await until(lambda: script.data or None, "it is given")
        await under_test.stop()
        del script.on["dot"]
        bridge.start()
        await until(lambda: len(script.data) == 2 or None, "it goes again, with the same Message-ID")
        assert script.data[0] == script.data[1]
