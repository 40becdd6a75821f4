"""What an operator may do with which state, on both stores, and what the history says of it."""

import pytest

from bridge.message import State
from bridge.spool import operations
from bridge.spool.generation import HELD
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store

BY = "by the operator olga"


@pytest.mark.parametrize("state", list(State))
async def test_what_is_called_possible_is_done_and_nothing_else(spool: Store, state: State) -> None:
    for number, verb in enumerate(operations.VERBS, 1):
        one = delivery(1, mail=f"M{number}", state=state)
        await spool.accept(intake(one))
        (outcome,) = await operations.change(spool, [one.id], verb, NOW, by=BY, yes=True)
        assert outcome.done == (verb in operations.possible(one)), (verb, state)
        ((_, events),) = await spool.show(one.id)
        assert (events[-1].text == BY) == outcome.done


@pytest.mark.parametrize("state", sorted(operations.NEEDS_YES))
async def test_what_the_phone_may_have_needs_a_yes(spool: Store, state: State) -> None:
    await spool.accept(intake(delivery(state=state)))
    (outcome,) = await operations.change(spool, ["M1"], "retry", NOW, by=BY)
    assert (outcome.done, "--yes" in outcome.result) == (False, True)
    (outcome,) = await operations.change(spool, ["M1"], "retry", NOW, by=BY, yes=True)
    assert (outcome.done, outcome.result) == (True, "retried")


async def test_an_erased_text_is_not_sent_as_nothing(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.HELD, payload=b"")))
    ((one, _),) = await spool.show("M1-1")
    assert operations.possible(one) == ("drop",)
    (outcome,) = await operations.change(spool, ["M1"], "release", NOW, by=BY)
    assert (outcome.done, outcome.result) == (False, operations.ERASED)


async def test_nothing_is_told_of_what_is_not_there(spool: Store) -> None:
    (outcome,) = await operations.change(spool, ["M9"], "hold", NOW, by=BY)
    assert (outcome.id, outcome.done) == ("M9", False)


async def test_row_77_what_a_restore_held_goes_together(spool: Store) -> None:
    held = [delivery(number, state=State.HELD, code=code) for number, code in ((1, HELD), (2, HELD), (3, "4001"))]
    await spool.accept(intake(*held))
    assert await operations.release_restored(spool, NOW, by=BY) == 2
    assert [one.state for one, _ in await spool.show("M1")] == [State.QUEUED, State.QUEUED, State.HELD]
