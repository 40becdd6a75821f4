"""Hold, release, retry, drop through forms: asked first, done once, and written down with a name."""

import io

import pytest

from bridge.message import State
from bridge.spool.generation import HELD
from tests.console.conftest import OPERATOR, Desk
from tests.console.scene import delivery, put


async def state(desk: Desk, mail: str = "M1") -> State:
    ((found, _),) = await desk.spool.show(f"{mail}-1")
    return found.state


@pytest.mark.parametrize(
    ("before", "verb", "after"),
    [
        (State.QUEUED, "hold", State.HELD),
        (State.HELD, "release", State.QUEUED),
        (State.QUEUED, "retry", State.QUEUED),
        (State.UNKNOWN, "drop", State.DROPPED),
    ],
)
async def test_asked_then_done_then_written_down(
    desk: Desk, stream: io.StringIO, before: State, verb: str, after: State
) -> None:
    desk.simulator.fault(http=503, times=1_000_000)
    await put(desk, delivery("M1", state=before))
    person = await desk.logged_in()
    _, page = await person.get("/messages/M1")
    assert f"/deliveries/M1-1/{verb}" in page
    assert await state(desk) == before
    status, page = await person.submit(f"/deliveries/M1-1/{verb}", {})
    assert (status, 'role="status"' in page) == (200, True)
    assert await state(desk) in {after, State.SENDING}
    ((_, events),) = await desk.spool.show("M1-1")
    assert f"by the operator {OPERATOR}" in [event.text for event in events]
    (line,) = [line for line in stream.getvalue().splitlines() if f" {verb} " in line and "(console)" in line]
    assert f"user={OPERATOR}" in line


@pytest.mark.parametrize("before", [State.UNKNOWN, State.FAILED])
async def test_what_the_phone_may_have_needs_a_tick(desk: Desk, before: State) -> None:
    desk.simulator.fault(http=503, times=1_000_000)
    await put(desk, delivery("M1", state=before))
    person = await desk.logged_in()
    status, page = await person.submit("/deliveries/M1-1/retry", {})
    assert (status, "Tick the box" in page) == (422, True)
    assert await state(desk) == before
    status, _ = await person.submit("/deliveries/M1-1/retry", {"yes": "yes"})
    assert status == 200
    assert await state(desk) != before


async def test_what_is_not_possible_is_not_offered_and_not_done(desk: Desk) -> None:
    await put(desk, delivery("M1", state=State.DELIVERED))
    await put(desk, delivery("M2", state=State.HELD, payload=b""))
    person = await desk.logged_in()
    for mail, verb in (("M1", "hold"), ("M1", "drop"), ("M1", "retry"), ("M2", "release")):
        _, page = await person.get(f"/deliveries/{mail}-1/{verb}")
        assert "not possible" in page
        before = await state(desk, mail)
        _, page = await person.submit(f"/deliveries/{mail}-1/{verb}", {})
        assert "Nothing was done" in page
        assert await state(desk, mail) == before


async def test_only_one_delivery_is_meant(desk: Desk) -> None:
    await put(desk, delivery("M1"))
    person = await desk.logged_in()
    assert (await person.get("/deliveries/M1/drop"))[0] == 404
    assert (await person.get("/deliveries/M1-2/drop"))[0] == 404
    assert (await person.post("/deliveries/M1/drop", {"seal": await person.seal("/")}))[0] == 404


async def test_row_77_what_a_restore_held_is_let_go_with_one_form(desk: Desk) -> None:
    desk.simulator.fault(http=503, times=1_000_000)
    for mail, code in (("M1", HELD), ("M2", HELD), ("M3", "4001")):
        await put(desk, delivery(mail, state=State.HELD, code=code))
    person = await desk.logged_in()
    _, page = await person.get("/")
    assert "Held since an older copy of the spool was put in place: 2 SMS." in page
    await person.submit("/restored", {})
    assert [await state(desk, mail) == State.HELD for mail in ("M1", "M2", "M3")] == [False, False, True]
