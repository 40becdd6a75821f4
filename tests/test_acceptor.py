"""Listening sockets: where they are opened, and what becomes of the door without descriptors (row 14)."""

import asyncio
import errno
import io
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bridge
from bridge import acceptor as acceptors
from bridge.acceptor import Acceptor, Seldom, bind
from tests.smtpd.raw import Raw
from tests.wait import PATIENCE, until

ROOT = Path(bridge.__file__).parents[1]
LIMIT, CALLERS = 48, 80
DOOR = f"""
import asyncio, ctypes, resource, sys
ctypes.CDLL(None).prctl(1, 9)  # the kernel ends this process when the test goes
import uvloop
from bridge import log
from tests.smtpd.raw import Rig

async def main():
    async with Rig(per_address=1000, total=1000) as rig:
        resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))
        print(rig.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

log.configure(json=False)
factory = uvloop.new_event_loop if sys.argv[1] == "uvloop" else None
with asyncio.Runner(loop_factory=factory) as runner:
    runner.run(main())
"""


@pytest.fixture(params=["asyncio", "uvloop"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The port of a mail door in a process with few descriptors, and its log."""
    said = tmp_path / "log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", DOOR, request.param],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:
            yield int(process.stdout.readline()), said
            process.stdin.close()
            assert process.wait(PATIENCE) == 0, said.read_text()


async def test_row_14_without_descriptors_accepting_pauses_and_recovers(door: tuple[int, Path]) -> None:
    port, said = door
    callers = [await Raw.connect(port) for _ in range(CALLERS)]  # the kernel takes them all
    greetings = [asyncio.create_task(caller.reply()) for caller in callers]
    await until(lambda: "accepting paused" in said.read_text(), "the log says so")
    assert (await asyncio.wait_for(greetings[0], PATIENCE)).startswith("220 ")
    await callers[0].say("EHLO x")
    assert (await callers[0].mail(b"Hi\r\n.\r\n")).startswith("250 "), "whoever is in is served as ever"
    assert sum(greeting.done() for greeting in greetings) < LIMIT
    for _ in range(CALLERS):  # one after the other they go, and whoever waits gets his turn
        caller, greeting = callers.pop(0), greetings.pop(0)
        assert (await asyncio.wait_for(greeting, PATIENCE)).startswith("220 ")
        await caller.close()
    last = await Raw.greeted(port)
    await last.close()
    log = said.read_text()
    assert log.count("accepting paused") == 1, "and not a line for each try"
    assert "Too many open files" in log
    assert "Traceback" not in log


async def test_a_line_is_said_seldom_and_counts(stream: io.StringIO) -> None:
    seldom = Seldom("reject", "smtpd")
    for number in range(100):
        seldom.say(reason=f"number {number}")
    assert stream.getvalue().count("reject") == 1
    seldom._silent_until = 0.0  # a minute later
    seldom.say(reason="late")
    assert "times=100" in stream.getvalue()


async def test_a_name_may_have_several_addresses() -> None:
    opened = await bind("localhost", 0)
    try:
        assert {sock.getsockname()[0] for sock in opened} <= {"127.0.0.1", "::1"}
        for sock in opened:
            with socket.create_connection(sock.getsockname()[:2]):
                pass
    finally:
        for sock in opened:
            sock.close()


@pytest.mark.parametrize(("host", "number"), [("192.0.2.1", errno.EADDRNOTAVAIL), ("127.0.0.1", errno.EADDRINUSE)])
async def test_what_cannot_be_listened_on_is_named(host: str, number: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on {host}:{port}: ") as caught:
            await bind(host, port)
    assert caught.value.errno == number


async def test_the_families_have_sockets_of_their_own() -> None:
    try:
        (six,) = await bind("::", 0)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with six, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", six.getsockname()[1]), 1)


async def test_a_closed_acceptor_takes_nobody_even_when_it_was_pausing() -> None:
    taken: list[socket.socket] = []
    for pausing in (False, True):
        (sock,) = await bind("127.0.0.1", 0)
        acceptor = Acceptor(sock, taken.append, Seldom("accepting paused", "smtpd"))
        if pausing:
            acceptor._pause(OSError(errno.EMFILE, "Too many open files"))
        address = sock.getsockname()
        acceptor.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
    assert not taken


@pytest.mark.parametrize("at_once", [1, 2, 64])
async def test_no_more_are_accepted_in_one_turn_than_is_said(at_once: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []
        acceptor = Acceptor(server.dup(), taken.append, Seldom("accepting paused", "smtpd"), at_once=at_once)
        waiting = [socket.create_connection(server.getsockname()) for _ in range(3)]
        acceptor._accept()  # one turn
        assert len(taken) == min(at_once, 3)
        await until(lambda: len(taken) == 3, "the others in the next ones")
        acceptor.close()
        for each in (*taken, *waiting):
            each.close()


@pytest.mark.parametrize("most", [10**9, acceptors.MOST_DEFERENCE])
async def test_who_leads_leaves_some_turns_to_others_and_then_takes_who_is_still_there(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(acceptors, "MOST_DEFERENCE", most)
    asked: list[bool] = []
    taken: list[socket.socket] = []

    def lead() -> int:
        asked.append(True)
        return 10**6

    listening = socket.create_server(("127.0.0.1", 0))
    acceptor = Acceptor(listening, taken.append, Seldom("accepting paused", "smtpd"), at_once=1, lead=lead)
    clients = [socket.create_connection(listening.getsockname(), PATIENCE) for _ in range(3)]
    try:
        await until(lambda: len(asked) > 3 * acceptors.DEFERENCE)
        if most < 10**9:
            await until(lambda: len(taken) == 3)
            assert len(asked) >= 3 * most
        assert len(taken) == (3 if most < 10**9 else 0)
    finally:
        acceptor.close()
        for sock in (*clients, *taken):
            sock.close()


@pytest.mark.parametrize("ahead", [0, 1, 3])
async def test_the_more_somebody_leads_the_longer_others_may_be_first(ahead: int) -> None:
    asked: list[int] = []

    def lead() -> int:
        asked.append(ahead)
        return ahead

    taken: list[socket.socket] = []
    listening = socket.create_server(("127.0.0.1", 0))
    acceptor = Acceptor(listening, taken.append, Seldom("accepting paused", "smtpd"), at_once=1, lead=lead)
    client = socket.create_connection(listening.getsockname(), PATIENCE)
    await until(lambda: taken)
    assert len(asked) == ahead * acceptors.DEFERENCE + 1
    acceptor.close()
    for sock in (client, *taken):
        sock.close()
