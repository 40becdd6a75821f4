"""Conversations through the page: who said what, further back, and no number that is none."""

import re
import time

import pytest

from bridge.console import talks
from tests.console.conftest import PHONE, Desk
from tests.console.scene import delivery, furnish, put


async def test_both_sides_in_the_order_of_time(desk: Desk) -> None:
    await furnish(desk)
    person = await desk.logged_in()
    _, page = await person.get("/conversations")
    assert f'href="/conversations/{PHONE}"' in page
    assert '<span class="name">Bernd</span>' in page
    _, page = await person.get(f"/conversations/{PHONE}")
    asked, answered = page.index("Bitte um Rückruf"), page.index("Bin in 10 Minuten da. Grüße, Bernd</div>")
    assert asked < answered
    assert 'class="bubble in" dir="auto">Bin in' in page


async def test_further_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talks, "BUBBLES", 3)
    now = time.time()
    for number in range(7):
        await put(desk, delivery(f"M{number}", created_at=now - 1000 + number))
    person = await desk.logged_in()
    seen: list[list[str]] = []
    path: str | None = f"/conversations/{PHONE}"
    while path is not None:
        _, page = await person.get(path)
        seen.append(re.findall(r'href="/messages/(M\d)-1"', page))
        earlier = re.search(rf'href="(/conversations/{PHONE}\?before=[^"]+)"', page)
        path = earlier[1] if earlier else None
    assert seen == [["M4", "M5", "M6"], ["M1", "M2", "M3"], ["M0"]]


async def test_a_number_leads_to_its_conversation(desk: Desk) -> None:
    person = await desk.logged_in()
    for written in ("0660 0000001", "+43 660 0000001"):
        async with person.client.get(f"{desk.base}/conversations", params={"number": written}) as answer:
            assert str(answer.url).endswith(f"/conversations/{PHONE}")
    status, page = await person.get("/conversations?number=nobody")
    assert (status, "That is no phone number." in page) == (200, True)
