"""A server as one side of a copy; the whole copy is in test_copy.py."""

import pytest

from bridge.message import StoreUnavailable
from bridge.spool import SpoolDamaged
from bridge.spool.postgres.copying import reading, writing
from bridge.spool.schema import MIGRATIONS
from tests.databases import Database


def test_what_is_written_is_there_at_the_end_or_not_at_all(emptied: Database) -> None:
    rows = [(f"M{number}", b"x", 1) for number in range(5)]
    columns = ["mail", "content", "whole"]

    def break_off() -> None:
        with writing(emptied.url, emptied.server.password) as tables:
            tables.put("originals", columns, rows)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    with reading(emptied.url, emptied.server.password) as tables:
        assert tables.count("originals") == 0
    with writing(emptied.url, emptied.server.password) as tables:
        tables.put("originals", columns, rows)
    with reading(emptied.url, emptied.server.password) as tables:
        assert list(tables.rows("originals", columns)) == [rows]
        assert tables.count("originals") == 5


def test_what_only_a_place_knows_stays_there(emptied: Database) -> None:
    with reading(emptied.url, emptied.server.password) as tables:
        assert not {"lease", "lease_by", "sent_by"} & set(tables.columns("deliveries"))


def test_an_older_spool_is_brought_up_by_a_bridge_not_by_a_copy(bare: Database) -> None:
    with writing(bare.url, bare.server.password):
        pass
    bare.script(f"UPDATE smsbridge SET version = {len(MIGRATIONS) - 1}")  # noqa: S608  # a number
    with pytest.raises(SpoolDamaged, match="smsbridge serve"), reading(bare.url, bare.server.password):
        pass


def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable), reading("postgresql://bridge@127.0.0.1:1/x", None):
        pass
