"""The contract of the spool: who keeps it keeps all of it, in its words; what it says is tested where it is done."""

import inspect
from typing import Any

import pytest

from bridge.daemon.far import FarSpool
from bridge.spool.contract import Spool, Taking
from bridge.spool.postgres.store import PostgresSpool
from bridge.spool.sqlite import SqliteSpool


def asked(contract: type[Any]) -> dict[str, int]:
    """The methods of a contract, and how many things each is given."""
    methods = inspect.getmembers(contract, inspect.isfunction)
    return {name: len(inspect.signature(method).parameters) for name, method in methods if name[0] != "_"}


@pytest.mark.parametrize(
    ("kind", "contract"),
    [(SqliteSpool, Spool), (PostgresSpool, Spool), (FarSpool, Taking)],
    ids=lambda one: one.__name__,
)
def test_who_keeps_it_keeps_all_of_it(kind: type[Any], contract: type[Any]) -> None:
    assert asked(contract)
    kept = asked(kind)
    assert {name: kept.get(name) for name in asked(contract)} == asked(contract)


def test_the_door_for_sms_may_do_what_a_store_does_and_no_more() -> None:
    assert set(asked(Taking)) == {"accept", "bury", "report", "conversation"}
    assert set(asked(Taking)) < set(asked(Spool))
