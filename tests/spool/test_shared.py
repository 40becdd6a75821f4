"""What nodes on one server have together; a file has nothing of the kind."""

import pytest

from bridge.limits import Draw
from bridge.spool.shared import Shared
from tests.databases import Database
from tests.spool.stores import Store


async def test_a_server_has_it_and_a_file_has_not(spool: Store, request: pytest.FixtureRequest) -> None:
    shared: Shared | None = getattr(spool, "shared", None)
    assert (shared is None) is ("sqlite" in request.node.name)
    if shared is not None:
        drawn = await shared.pool.draw([Draw(bucket="b", size=2.0, rate=0.0, tokens=2.0)])
        assert (drawn.short, list(drawn.left)) == (None, [0.0])
        assert await shared.refused(0.0) == []
        assert await shared.paused() == []


async def test_the_calls_are_divided_among_nodes_that_deliver(emptied: Database) -> None:
    alone = await emptied.open(node="a", delivers=True)
    assert alone.shared.part(8) == 8
    door = await emptied.open(node="b")
    second = await emptied.open(node="c", delivers=True)
    third = await emptied.open(node="d", delivers=True)
    nodes = (alone, second, third)
    assert second.shared.part(8) == third.shared.part(8) == 0  # the first does not know of them yet
    for _ in range(3):
        for node in nodes:
            await node.count_nodes()
    assert [node.shared.part(8) for node in nodes] == [3, 3, 2]
    assert [node.shared.part(2) for node in nodes] == [1, 1, 0]
    await second.close()
    await alone.count_nodes()
    assert alone.shared.part(8) == 3  # the third may not have seen it yet
    for _ in range(3):
        await alone.count_nodes()
        await third.count_nodes()
    assert alone.shared.part(8) == third.shared.part(8) == 4
    assert await alone.take_over(third.node)
    for _ in range(3):
        await alone.count_nodes()
    assert alone.shared.part(8) == 8
    await third.probe()  # it wakes, and goes on under a new name
    await third.count_nodes()
    assert third.shared.part(8) == 0
    for node in (alone, third, door):
        await node.close()
