"""The first page: what waits, what stands still and why, and what it costs to look."""

from pathlib import Path

import pytest

from bridge.console import overview
from bridge.message import Channel, State
from tests.console.conftest import Desk, desk_at
from tests.console.scene import delivery, furnish, pause, put
from tests.wait import until_async


async def test_what_waits_and_for_how_long(desk: Desk) -> None:
    for number, state in enumerate((State.QUEUED, State.QUEUED, State.UNKNOWN)):
        await put(desk, delivery(f"M{number}", state=state))
    _, page = await (await desk.logged_in()).get("/")
    for shown, count in (("queued", 2), ("sending", 0), ("unknown", 1), ("held", 0)):
        assert f'state={shown}"><span class="number">{count}</span>' in page


async def test_what_is_paused_and_why_in_the_readers_language(desk: Desk) -> None:
    await furnish(desk)
    await pause(desk)
    _, page = await (await desk.logged_in()).get("/")
    assert "Everything is paused:</strong> http 401" in page
    assert "The provider refuses" in page
    _, page = await (await desk.logged_in(language="de")).get("/")
    assert "Alles ist angehalten:</strong> http 401" in page
    assert "Der Anbieter lehnt" in page


async def test_charts_count_what_happened(desk: Desk) -> None:
    await furnish(desk)
    _, page = await (await desk.logged_in()).get("/")
    assert "<desc>" in page
    assert page.count("<svg class=") == 4
    taken = sum(1 for each in await desk.spool.pulse(0, 1e10) if each[1] == "queued")
    assert taken > 0


async def test_banners(tmp_path: Path) -> None:
    async with desk_at(tmp_path, console="") as desk:
        text = (desk.place / "bridge.toml").read_text()
        (desk.place / "bridge.toml").write_text(text.replace("[websms]\n", "[websms]\ntest = true\n"))
        await desk.daemon.reload()
        person = await desk.logged_in()
        assert "Test mode." in (await person.get("/"))[1]
        desk.daemon._guard.closed = True
        assert "Nothing is taken in." in (await person.get("/"))[1]


async def test_ten_who_look_cost_no_more_than_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "KEPT", 3600.0)
    person = await desk.logged_in()
    await put(desk, delivery("M1"))
    _, page = await person.get("/")
    await put(desk, delivery("M2"))
    for _ in range(3):
        _, again = await person.get("/")
        assert ('state=queued"><span class="number">0<' in again) == ('state=queued"><span class="number">0<' in page)


async def test_when_the_provider_was_last_heard(desk: Desk) -> None:
    person = await desk.logged_in()
    assert "Nothing came since the start." in (await person.get("/"))[1]
    await desk.sms("hello")

    async def heard() -> bool:
        return "Last heard" in (await person.get("/"))[1]

    await until_async(heard)
    assert desk.daemon._agents[Channel.MAIL].in_flight >= 0
