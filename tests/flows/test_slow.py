"""Slow clients by the hundred and a good one among them: a slice of `python -m tests.long`."""

import ssl
from pathlib import Path

import pytest
import trustme
import uvloop

from bridge.smtpd.contract import Limits
from tests.long import endings, slow
from tests.long.siege import Writing
from tests.smtpd.raw import Rig
from tests.wait import until

HOURS = 3600.0


async def test_a_good_client_is_served_among_slow_ones(tmp_path: Path) -> None:
    figures = await slow.prove(tmp_path, clients=300, rounds=4, within=HOURS)
    assert figures.wrong == [], figures
    assert figures.good_mails == 8
    assert figures.connections > 300, "some were thrown out and came again"
    assert figures.endings == len(endings.TRICKS) == 16


async def test_a_house_full_of_slow_writers_lets_a_good_client_in(tmp_path: Path) -> None:
    figures = await slow.prove(tmp_path, clients=300, rounds=4, within=HOURS, kinds=(Writing,))
    assert figures.wrong == [], figures
    assert figures.came_again == 0, "nobody has to wait until a slow mail is overdue"


@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_a_handshake_cut_short_leaves_no_session_behind(mode: str) -> None:
    uvloop.run(_cut_short(mode))  # as the daemon runs: asyncio reports such a handshake in another way


async def _cut_short(mode: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    limits = Limits(handshake_timeout=HOURS, linger=0.05)
    async with Rig(modes=(mode,), context=context, limits=limits, total=3) as rig:
        for _ in range(9):  # three fit in, and each newcomer throws out the one that stalls longest
            client = await rig.client()
            if mode == "starttls":
                await client.reply()
                await client.send(b"STARTTLS\r\n")
                await client.reply()
            await client.send(b"\x16")
        await until(lambda: len(rig.listener.sessions) <= 3, "those thrown out are gone")
