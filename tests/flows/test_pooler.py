"""The whole bridge with a real PgBouncer before its PostgreSQL: both directions, a burst, a kill."""

import asyncio
from pathlib import Path

import pytest

from tests.databases import Database
from tests.flows.rig import ANNA, LINE, PHONE, SILENT_ADDRESS, letter, running
from tests.long.spools import on_server
from tests.poolers import MODES, pgbouncer
from tests.wait import until

BURST = 40


@pytest.mark.parametrize("mode", MODES)
async def test_a_conversation_a_burst_and_a_kill_behind_a_pooler(tmp_path: Path, bare: Database, mode: str) -> None:
    with pgbouncer(bare, mode) as pooler:
        async with running(tmp_path, start=False) as (bridge, simulator):
            on_server(bridge, bare.server, pooler.url())
            bridge.start()
            await bridge.ready()
            first = await bridge.post(letter("eine Frage"))
            await bridge.settled(first, "delivered")
            await simulator.incoming(phone=PHONE, line=LINE, text="eine Antwort")
            (answer,) = await until(lambda: bridge.mails_to(ANNA) or None, "the answer is in the mailbox")
            assert "eine Antwort" in str(answer)
            burst = [bridge.post(letter(f"Nummer {number}"), SILENT_ADDRESS) for number in range(BURST)]
            await asyncio.gather(*burst)
            await bridge.drained()
            bridge.kill()
            bridge.start()
            await bridge.ready()
            await bridge.post(letter("danach"), SILENT_ADDRESS)
            await bridge.drained()
            texts = sorted(str(message.text) for message in simulator.messages)
            assert texts == sorted(["eine Frage", "danach", *(f"Nummer {number}" for number in range(BURST))])
            assert await bridge.stop() == 0
            assert "Traceback" not in bridge.log
            assert bare.server.password not in bridge.log
