"""What was erased leaves the disk: every copy of it, also those that SQLite leaves when it moves rows."""

import random
from pathlib import Path

import apsw
import pytest

from bridge.message import Sms, State, StoreUnavailable, encode_sms
from bridge.spool import erasure
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import NOW, delivery, intake
from tests.wait import until

TEXT, HISTORY = 3 * 86400.0, 90 * 86400.0
MARK = b"seeded-marker"


async def filled(path: Path, *, seed: int) -> SqliteSpool:
    """Old and new messages of all lengths side by side, so that erasing the old ones moves the new ones."""
    chance, spool = random.Random(seed), await open_spool(path)
    for number in range(600):
        old, size = chance.random() < 0.6, chance.choice([1, 3, 10, 50, 150, 400])
        at = NOW if old else NOW + 10 * 86400
        text = (MARK.decode() if old else "still-to-be-kept") * size
        payload = encode_sms(Sms(text=text))
        message = delivery(mail=f"M{number}", state=State.SENT, payload=payload, created_at=at, changed_at=at)
        await spool.accept(intake(message, id=f"M{number}", at=at, original=text.encode()))
    return spool


def found(place: Path) -> int:
    return sum(file.read_bytes().count(MARK) for file in place.iterdir())


async def purged(spool: SqliteSpool) -> None:
    while await spool.purge(NOW + TEXT + 86400, TEXT, HISTORY, 100) >= 100:
        pass


@pytest.mark.parametrize("seed", [0, 1, 2])
async def test_row_129_not_even_copies_stay_where_rows_were_moved(tmp_path: Path, seed: int) -> None:
    spool = await filled(tmp_path / "s.db", seed=seed)
    assert found(tmp_path) > 0
    await purged(spool)
    await until(lambda: found(tmp_path) == 0, "it is erased while the daemon runs")
    assert sum(file.read_bytes().count(b"still-to-be-kept") for file in tmp_path.iterdir()) > 0
    await spool.close()


async def test_row_129_the_file_is_written_anew_once_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewritten: list[bool] = []
    real = erasure.rewrite
    monkeypatch.setattr(erasure, "rewrite", lambda db: rewritten.append(real(db)))
    spool = await filled(tmp_path / "s.db", seed=0)
    await purged(spool)
    await until(lambda: rewritten or None, "it was written anew")
    await spool.purge(NOW + HISTORY + 99 * 86400, TEXT, HISTORY, 1000)
    await spool.probe()
    await spool.close()
    assert rewritten == [True]


async def test_row_129_a_large_file_is_not_written_anew_beside_a_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "REWRITE_UP_TO", 100_000)
    spool = await filled(tmp_path / "s.db", seed=0)
    command = await open_spool(tmp_path / "s.db", command=True)
    assert await command.scrub() is False
    monkeypatch.undo()
    assert await command.scrub() is True
    await command.close()
    await spool.close()


async def test_row_72_what_cannot_be_done_now_is_said(tmp_path: Path) -> None:
    await (await open_spool(tmp_path / "s.db")).close()

    def connect() -> apsw.Connection:
        return apsw.Connection(str(tmp_path / "s.db"))

    other = connect()
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="BusyError"):
        erasure.scrub(connect)
    other.execute("ROLLBACK")
    other.close()
    assert erasure.scrub(connect)
