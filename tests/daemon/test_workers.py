"""Worker processes as the daemon sees them: how they begin and end, and that one which is gone or stuck is noticed."""

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from bridge import metrics
from bridge.config import Endpoint
from bridge.daemon import hands, workers
from bridge.daemon.workers import Workers
from bridge.link import LinkLost
from tests.daemon.hands import ENDS, STAYS, ended, stage
from tests.flows.program import ROOT
from tests.given import configuration
from tests.wait import PATIENCE, until, until_async

TWO = (ENDS, ENDS)


def gone(pid: int) -> bool:
    """Ended, and waited for: no zombie is left."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_each_gets_the_configuration_and_every_socket_with_how_it_is_served(tmp_path: Path) -> None:
    proxies = (ip_network("192.0.2.0/24"),)
    endpoints = [
        Endpoint(host="127.0.0.1", port=25, proxy=proxies),
        Endpoint(host="127.0.0.1", port=465, mode="implicit", client_ca=tmp_path / "authority.pem"),
    ]
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in endpoints]
    async with stage(tmp_path, programs=TWO) as made:
        made.full = True
        await made.begin(*zip(listening, endpoints, strict=True))
        for row, puppet in enumerate(made.puppets, start=1):
            assert puppet.configurations == [made.configuration]
            # three processes with the daemon's own
            assert puppet.told[0][2:] == (row, 3, made.clock.ahead, False, True)
            assert [endpoint for _, endpoint in puppet.sockets] == endpoints
            for (theirs, _), ours in zip(puppet.sockets, listening, strict=True):
                assert theirs.getsockname() == ours.getsockname()
        for sock in listening:
            sock.close()
        with socket.create_connection(made.puppets[0].sockets[0][0].getsockname(), timeout=PATIENCE):
            client, _ = made.puppets[0].sockets[0][0].accept()
            client.close()
        assert len(made.workers) == 2


async def test_without_any_nothing_is_done() -> None:
    none = Workers([], clock=lambda: 0.0, closed=lambda: False, full=lambda: False, gone=print)
    await none.begin(configuration(), [], [])
    await none.configure(configuration())
    none.tell_news()
    none.refuse("436600000001", 1.0)
    await none.look_after()
    await none.drain(1.0)
    await none.close()
    assert (len(none), none.connections) == (0, 0)


async def test_what_changes_by_itself_is_told_to_all(tmp_path: Path) -> None:
    async with stage(tmp_path, programs=TWO) as made:
        await made.begin()
        for full, step in ((True, 0.0), (False, -7200.0)):
            made.full = full
            made.clock.follow(step)
            made.workers.tell_news()
        made.limits.refuse("436600000001", 5.5)
        for puppet in made.puppets:
            told = puppet.told
            await until(partial(lambda told: len(told) == 4, told))
            assert told[1:] == [
                ("news", pytest.approx(made.clock.ahead + 7200.0), False, True),
                ("news", made.clock.ahead, False, False),
                ("refuse", "436600000001", 5.5),
            ]


async def test_a_new_configuration_is_everybodys_when_it_is_said_to_be(tmp_path: Path) -> None:
    async with stage(tmp_path, programs=TWO) as made:
        await made.begin()
        new = configuration(hostname="new.example.com")
        await made.workers.configure(new)
        assert [puppet.configurations[-1] for puppet in made.puppets] == [new, new]


async def test_one_that_cannot_take_the_configuration_is_named_and_the_others_have_it(tmp_path: Path) -> None:
    async with stage(tmp_path, programs=TWO) as made:
        await made.begin()
        made.puppets[0].broken.add("configure")
        new = configuration(hostname="new.example.com")
        await made.workers.configure(new)
        assert made.puppets[1].configurations[-1] == new
        (gone,) = made.gone
        assert "cannot configure" in gone, "it would let in whom the new one does not"


@pytest.mark.parametrize("kind", ["mute", "broken", "gone"])
async def test_one_that_does_not_begin_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(workers, "_BEGINS_WITHIN", 0.2)
    async with stage(tmp_path, programs=TWO) as made:
        if kind == "gone":
            made.puppets[1].close()
            with suppress(OSError):
                await made.puppets[0].join()
            with pytest.raises((LinkLost, OSError)):
                await made.workers.begin(made.configuration, [], [])
            made.puppets[1].losses += 1
            return
        getattr(made.puppets[1], kind).add("begin")
        with pytest.raises(LinkLost):
            await made.begin()


async def test_one_that_ends_is_told_once(tmp_path: Path) -> None:
    async with stage(tmp_path, programs=TWO) as made:
        await made.begin()
        for puppet in made.puppets:
            puppet.link.close()
            await until(lambda: made.gone)
        assert made.gone == [f"process {made.puppets[0].process.pid} beside the daemon ended"]
        await made.workers.look_after()
        assert len(made.gone) == 1
        made.workers.tell_news()
        await asyncio.wait_for(made.workers.drain(1.0), PATIENCE)


async def test_only_loops_that_turn_are_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "ANSWERS_WITHIN", 0.2)
    async with stage(tmp_path, programs=TWO) as made:
        await made.begin()
        await made.workers.look_after()
        assert made.gone == []
        made.puppets[1].mute.add("ping")
        await made.workers.look_after()
        assert made.gone == [f"process {made.puppets[1].process.pid} beside the daemon hangs"]


async def test_they_drain_and_end_and_nobody_gives_up_for_it(tmp_path: Path) -> None:
    async with stage(tmp_path, programs=TWO) as made:
        await made.begin()
        await made.workers.drain(3.5)
        assert [puppet.told[-1] for puppet in made.puppets] == [("drain", 3.5)] * 2
        await made.workers.close()
        assert all(gone(puppet.process.pid) for puppet in made.puppets)
        assert made.gone == []


async def test_one_that_is_stuck_does_not_keep_the_daemon_from_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hands, "LAST_WORDS", 0.3)
    monkeypatch.setattr(workers, "LATE", 0.3)
    async with stage(tmp_path, programs=(ENDS, STAYS)) as made:
        await made.begin()
        made.puppets[1].mute.add("drain")
        await asyncio.wait_for(made.workers.drain(0.1), PATIENCE)
        made.puppets[1].process.send_signal(signal.SIGSTOP)
        await asyncio.wait_for(made.workers.close(), PATIENCE)
        assert all(gone(puppet.process.pid) for puppet in made.puppets)


async def test_one_that_breaks_while_it_drains_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    async with stage(tmp_path, programs=TWO) as made:
        await made.begin()
        made.puppets[0].broken.add("drain")
        await asyncio.wait_for(made.workers.drain(1.0), PATIENCE)
        assert made.puppets[1].told[-1] == ("drain", 1.0)


async def test_what_they_count_is_added_and_their_clients_are_known(tmp_path: Path) -> None:
    async with stage(tmp_path, programs=TWO) as made:
        await made.begin()
        before = metrics.PARTS.of().value
        for number, puppet in enumerate(made.puppets, start=1):
            puppet.link.tell("counted", [("parts_sent", (), [5.0])], number, None)
            puppet.link.tell("counted", [], 10 * number, None)
        await until(lambda: made.workers.connections == 30)
        assert metrics.PARTS.of().value - before == 10


async def test_what_a_door_rings_is_kept_for_the_operator(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        await made.begin()
        for _ in range(3):
            made.link.tell("ring", "limit x", "The limit is reached.")

        async def told() -> list[str]:
            return [alert.text for alert in await made.spool.alerts(9)]

        assert await until_async(told) == ["The limit is reached."]


async def test_a_question_that_goes_wrong_costs_only_itself(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        await made.begin()
        with pytest.raises(LinkLost):
            await made.link.ask("take", "no intake", [], False)
        assert await made.link.ask("left", ("asking", "x", 1)) == []
        assert made.gone == []


# Real processes: forked in a program of their own, since here are threads and a loop.

FORKED = """
import os, sys
from bridge import log
from bridge.daemon.hands import fork

log.configure()

def inside(link, doorway):
    link.setblocking(True)
    while link.recv(1):
        pass
    {at_its_end}

hands = fork({number}, inside)
print(*(hand.pid for hand in hands), flush=True)
sys.stdin.readline()
{then}
for hand in hands:
    hand.link.close()
    print(os.waitstatus_to_exitcode(os.waitpid(hand.pid, 0)[1]), flush=True)
"""


def forked(number: int, at_its_end: str = "pass", then: str = "") -> "subprocess.Popen[str]":
    program = FORKED.format(number=number, at_its_end=at_its_end, then=then)
    pipe: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, text=True, **pipe)


def pids(process: "subprocess.Popen[str]") -> list[int]:
    assert process.stdout is not None
    return [int(word) for word in process.stdout.readline().split()]


def test_forked_processes_end_when_their_link_does_and_one_after_the_other() -> None:
    with forked(3) as process:
        assert len(set(pids(process))) == 3
        said, complaint = process.communicate("go on\n", timeout=PATIENCE)
        assert (said.split(), complaint) == (["0", "0", "0"], ""), "none holds another's link open"


async def test_forked_processes_end_when_the_daemon_is_killed() -> None:
    with forked(3) as process:
        found = pids(process)
        process.kill()
        await until(lambda: all(map(ended, found)), "all have ended")


def test_what_ends_a_worker_is_said() -> None:
    word = secrets.token_hex(8)
    with forked(1, at_its_end=f"raise RuntimeError('{word}')") as process:
        pids(process)
        said, complaint = process.communicate("go on\n", timeout=PATIENCE)
        assert said.split() == ["1"]
        assert word in complaint, "or nobody could ever mend it"


def test_nothing_of_the_daemon_is_done_again_at_a_workers_end(tmp_path: Path) -> None:
    once = tmp_path / "once"
    then = f"import atexit; open({str(once)!r}, 'a').write('x')"
    with forked(2, at_its_end="sys.exit(0)", then=then) as process:
        pids(process)
        said, _ = process.communicate("go on\n", timeout=PATIENCE)
        assert len(said.split()) == 2
    assert once.read_text() == "x"


def test_none_are_forked_where_none_are_wanted() -> None:
    with forked(0) as process:
        assert pids(process) == []
        assert process.communicate("go on\n", timeout=PATIENCE) == ("", "")


def test_signals_for_the_whole_group_are_left_to_the_daemon() -> None:
    with forked(1) as process:
        (worker,) = pids(process)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(worker, number)
        assert not ended(worker)
        said, complaint = process.communicate("go on\n", timeout=PATIENCE)
        assert (said.split(), complaint) == (["0"], "")
