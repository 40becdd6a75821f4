"""kill -9 under load: a seeded slice of `python -m tests.long`."""

import os
import random
from pathlib import Path

from tests import pg
from tests.flows.rig import ADDRESS, ANNA, running
from tests.flows.smtp import Client
from tests.long import collapse, kill
from tests.wait import until

KILLS = 4


async def test_row_67_nothing_acknowledged_is_lost_and_nothing_is_doubled(tmp_path: Path) -> None:
    figures = await kill.prove(tmp_path, kills=KILLS, seed=_seed())
    assert figures.wrong == [], figures
    assert figures.acked > 100
    assert figures.mailed > 50


async def test_row_67_the_same_with_the_spool_on_postgresql(tmp_path: Path, postgres: pg.Server) -> None:
    figures = await kill.prove(tmp_path, kills=2, seed=_seed(), server=postgres)
    assert figures.wrong == [], figures
    assert figures.acked > 50
    assert figures.mailed > 20


async def test_postgresql_ends_under_load_and_the_bridge_goes_on_when_it_is_back(
    tmp_path: Path, postgres: pg.Server
) -> None:
    figures = await collapse.prove(tmp_path, postgres, ends=2, seed=_seed())
    assert figures.wrong == [], figures
    assert figures.refused > 0  # 451, and then taken
    assert figures.unconfirmed > 0  # 503, and then confirmed
    assert figures.acked > 50
    assert figures.mailed > 20


async def test_a_mail_whose_250_was_lost_is_recognised_after_the_crash(tmp_path: Path) -> None:
    content = b"Message-ID: <once@example.org>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\n\r\nnur einmal\r\n"
    async with running(tmp_path) as (bridge, simulator):
        async with await Client.connect(bridge.port("smtp")) as client:
            first = await client.send(ANNA, [ADDRESS], content)
            bridge.kill()
        bridge.start()
        await bridge.ready()
        async with await Client.connect(bridge.port("smtp")) as client:
            second = await client.send(ANNA, [ADDRESS], content)
            third = await client.send(ANNA, [ADDRESS], content.replace(b"einmal", b"noch einmal"))
        identifier = first.rpartition(" ")[2]
        assert first == f"250 2.0.0 queued as {identifier}"
        assert second == f"250 2.0.0 already queued as {identifier}"
        assert third.startswith("250 2.0.0 queued as ")
        await until(lambda: any(message.text == "nur noch einmal" for message in simulator.messages), "the other mail")
        found = (await bridge.show(identifier))[0]
        arrived = [message for message in simulator.messages if message.text == "nur einmal"]
        # Killed between the call and its answer it is unknown, and then nobody knows whether it arrived.
        assert len(arrived) <= 1
        assert found["state"] in {"sent", "delivered", "unknown"}
        assert arrived or found["state"] == "unknown"


def _seed() -> int:
    seed = int(os.environ.get("SMSBRIDGE_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SMSBRIDGE_SEED={seed}")  # shown with a failure, so that it can be repeated
    return seed
