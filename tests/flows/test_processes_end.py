"""A mail door of two processes when something ends: a configuration, the daemon, one of them; nothing taken is lost."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.daemon.hands import ended
from tests.flows.rig import ADDRESS, ANNA, BERND, ROUTES, letter, queue_id
from tests.flows.secured import Papers, User
from tests.flows.several import BOTH, WORKER, Several, post, several
from tests.flows.test_processes import login
from tests.smtpd.raw import Raw
from tests.wait import until

PANEL = User(name="panel", password=secrets.token_hex(12), addresses=(ANNA,))
PUMP = User(name="pump", password=secrets.token_hex(12), addresses=(BERND,))
NEW = """
[[route]]
address = "new@sms.example.com"
number = "436600000005"
allow = ["*@example.org"]
"""


async def reloaded(here: Several, word: str = "reloaded") -> None:
    """SIGHUP, and wait until the log has this word once more."""
    before = here.bridge.log.count(word)
    here.bridge.signal(signal.SIGHUP)
    await until(lambda: here.bridge.log.count(word) > before, f"it says {word}")


async def test_a_new_route_works_at_both_and_a_wrong_file_keeps_the_old(tmp_path: Path) -> None:
    async with several(tmp_path) as here:
        early = [await here.client(at) for at in BOTH]
        for client in early:
            assert (await post(client, bytes(letter("zu früh")), "new@sms.example.com")).startswith("550 5.1.1 ")
        here.bridge.write_routes(ROUTES + NEW)
        await reloaded(here)
        for at in BOTH:
            queue_id(await post(early[at], bytes(letter(f"offen {at}")), "new@sms.example.com"))
            queue_id(await here.send(at, f"neu {at}", "new@sms.example.com"))
        here.bridge.write_routes(ROUTES + NEW.replace("allow", "alow"))
        await reloaded(here, "reload refused")
        here.bridge.write_routes(ROUTES + NEW)
        certificate = here.bridge.config.read_text().replace("[smtpd]\n", '[smtpd]\ntls_certificate = "none.pem"\n')
        here.bridge.config.write_text(certificate)
        await reloaded(here, "reload refused")
        for at in BOTH:
            queue_id(await here.send(at, f"noch immer {at}", "new@sms.example.com"))
        await here.bridge.drained()
        assert len(here.simulator.messages) == 6
        assert "Traceback" not in here.bridge.log


async def test_users_who_are_added_changed_or_removed(tmp_path: Path) -> None:
    papers = Papers(tmp_path)
    listeners: dict[str, dict[str, object]] = {"tls": {"mode": "implicit"}}
    async with several(tmp_path, papers=papers, users=(PANEL, PUMP), networks=(), listeners=listeners) as here:

        async def session(at: int, user: User) -> tuple[Raw, str]:
            client = await here.client(at, "tls", tls=papers.trust())
            return client, await client.say(login(user))

        kept = [(await session(at, PANEL))[0] for at in BOTH]
        gone = [(await session(at, PUMP))[0] for at in BOTH]
        late = User(name="late", password=secrets.token_hex(12), addresses=(BERND,))
        users = tmp_path / "users"
        (panel,) = [line for line in users.read_text().splitlines() if line.startswith("panel:")]
        users.write_text(f"{panel}\n{late.line}")
        await reloaded(here)
        for at in BOTH:
            assert (await gone[at].rest()).startswith(b"421 "), "his password may be stolen"
            assert (await session(at, PUMP))[1].startswith("535 ")
            assert (await session(at, late))[1].startswith("235 ")
            queue_id(await post(kept[at], bytes(letter(f"weiter {at}"))))


@asynccontextmanager
async def load(here: Several, *processes: int, each: int = 4) -> AsyncIterator[set[str]]:
    """Clients at these processes, who send mail after mail until it is over; the ids that were acknowledged."""
    acknowledged: set[str] = set()

    async def sending(client: Raw, name: str) -> None:
        number = 0
        while True:
            number += 1
            reply = await post(client, bytes(letter(f"{name} {number}")))
            if not reply.startswith("250 "):
                return
            acknowledged.add(queue_id(reply))

    async def patient(client: Raw, name: str) -> None:
        with suppress(OSError, EOFError):
            await sending(client, name)

    clients = [(await here.client(at), f"{at} {number}") for at in processes for number in range(each)]
    tasks = [asyncio.create_task(patient(*client)) for client in clients]
    try:
        await until(lambda: len(acknowledged) > 20, "mails are under way")
        yield acknowledged
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
    finally:
        for task in tasks:
            task.cancel()


async def test_sigterm_with_mails_under_way(tmp_path: Path) -> None:
    async with several(tmp_path) as here:
        processes = here.processes
        half = []
        for at in BOTH:
            client = await here.client(at)
            for line in (f"MAIL FROM:<{ANNA}>", f"RCPT TO:<{ADDRESS}>", "DATA"):
                assert (await client.say(line))[0] in "23"
            half.append(client)
        idle = [await here.client(at) for at in BOTH]
        async with load(here, *BOTH) as acknowledged:
            here.bridge.signal(signal.SIGTERM)
            await until(lambda: "stopping" in here.bridge.log, "it stops")
            for client in idle:
                assert (await client.rest()).startswith(b"421 4.3.2 ")
            for client in half:
                acknowledged.add(queue_id(await client.say("\r\nnoch schnell\r\n.")))
        assert await here.bridge.ended() == 0
        assert all(map(ended, processes))
        assert acknowledged <= here.spooled()
        assert "Traceback" not in here.bridge.log
        with pytest.raises(OSError, match=r"refused|failed"):
            await Raw.connect(here.ports[""])


async def test_a_worker_that_is_killed_takes_the_daemon_with_it_and_no_mail(tmp_path: Path) -> None:
    async with several(tmp_path) as here:
        processes = here.processes
        async with load(here, *BOTH) as acknowledged:
            os.kill(processes[WORKER], signal.SIGKILL)
        assert await here.bridge.ended() == 1
        assert all(map(ended, processes))
        assert acknowledged <= here.spooled()
        assert f"process {processes[WORKER]} beside the daemon ended" in here.bridge.log
        assert "did not drain" not in here.bridge.log, "nobody asked it to"
        here.bridge.start()
        await here.bridge.ready()
        for at in BOTH:
            queue_id(await here.send(at, f"wieder da {at}"))
        await here.bridge.drained()
        assert here.simulator.accepted == len({message.text for message in here.simulator.messages}), "none twice"


async def test_a_daemon_that_is_killed_takes_its_workers_with_it_and_no_mail(tmp_path: Path) -> None:
    async with several(tmp_path) as here:
        processes = here.processes
        async with load(here, *BOTH) as acknowledged:
            here.bridge.kill()
        await until(lambda: all(map(ended, processes)), "nobody is left")
        assert acknowledged <= here.spooled()
        here.bridge.start()
        await here.bridge.ready()
        again = here.processes
        here.bridge.kill()
        await until(lambda: all(map(ended, again)), "where nobody speaks with them, too")


async def test_a_daemon_that_cannot_start_leaves_nobody_behind(tmp_path: Path) -> None:
    async with several(tmp_path, start=False) as here:
        taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", here.bridge.port("webhook"))
        async with taken:
            here.bridge.start()
            assert await here.bridge.ended() != 0
            await until(lambda: not here.left(), "no process is left")
        here.bridge.start()
        await here.bridge.ready()
        second = await here.bridge.command("serve")
        assert second[0] == 75, "another one runs on this spool"
        queue_id(await here.send(WORKER, "und der erste läuft"))
        await until(lambda: len(here.left()) == 2, "the second one's are gone")
