"""What the bridge is measured against does what it says: a commit each, a mail each, a request each."""

import sqlite3
from dataclasses import replace
from pathlib import Path

from tests.bench import latency, notified

FEW = 5


async def test_the_committing_one_has_every_notification(tmp_path: Path) -> None:
    async with notified.script("single", tmp_path) as running:
        await notified.notify(running.port, FEW, "secret", 2)
    with sqlite3.connect(tmp_path / "notifications.db") as db:
        assert db.execute("SELECT count(*), min(state) FROM notifications").fetchall() == [(FEW, "queued")]
    db.close()


async def test_the_script_mails_every_notification(tmp_path: Path) -> None:
    async with notified.relaying(tmp_path) as running:
        await notified.notify(running.port, FEW, "secret", 2)
        assert running.sink is not None
        assert await running.sink.count() == FEW


async def test_a_mail_is_seen_at_both_ends_of_its_way(tmp_path: Path) -> None:
    for opened in (latency.forward, latency.dialogue):
        async with opened(tmp_path) as running:
            said = await latency.pulse(running, FEW, "test")
            assert len(said["waits"]) == FEW
            assert min(said["waits"]) > 0


async def test_requests_that_come_together_are_all_seen(tmp_path: Path) -> None:
    async with latency.dialogue(tmp_path) as running:
        said = await latency.pulse(replace(running, rate=0.0), 100, "test")
        assert len(said["waits"]) == 100
