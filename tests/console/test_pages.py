"""Every page in both languages, with everything that people and phones can write in it, and nothing of it runs."""

import re
from html.parser import HTMLParser

import pytest

from bridge.console import de, en
from tests.console.conftest import PHONE, Desk
from tests.console.scene import HOSTILE, furnish
from tests.console.test_browser import paths

VOID = {"meta", "link", "img", "input", "br"}


class Outline(HTMLParser):
    """What a browser would make of a page, roughly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append(found.get("src") or "inline")
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.ids += [found["id"] or ""] if "id" in found else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def outline(page: str) -> Outline:
    made = Outline()
    made.feed(page)
    made.close()
    return made


@pytest.mark.parametrize("language", ["en", "de"])
async def test_every_page_is_whole_and_harmless(desk: Desk, language: str) -> None:
    ids = await furnish(desk)
    person = await desk.logged_in(language=language)
    sentences = {"en": en.WORDS, "de": de.WORDS}[language]
    places = {**paths(ids), "found": "/messages?text=onerror", "hostile phone": "/conversations/436600000003"}
    places["echo"] = "/messages?q=" + "%22%3E%3Cscript%3Ex%3C/script%3E&text=%22%3E%3Cscript%3E"
    for name, path in places.items():
        status, page = await person.get(path)
        assert status == (404 if name == "missing" else 200), name
        found = outline(page)
        assert (found.faults, found.open) == ([], []), name
        assert found.scripts == ["/static/console.js"], name
        assert found.handlers == [], name
        assert len(set(found.ids)) == len(found.ids), name
        assert f'<html lang="{language}">' in page
        assert sentences["nav_routes"] in page
        assert "<script>document.title" not in page
    for path in (f"/messages/{ids['hostile']}", "/conversations/436600000003", f"/conversations/{PHONE}"):
        _, page = await person.get(path)
        assert "&lt;script&gt;document.title" in page


async def test_what_is_typed_is_shown_and_harmless(desk: Desk) -> None:
    person = await desk.logged_in()
    fields = {"sender": HOSTILE, "recipient": HOSTILE, "subject": HOSTILE, "text": HOSTILE}
    status, page = await person.submit("/routes", fields)
    assert (status, outline(page).scripts, outline(page).handlers) == (200, ["/static/console.js"], [])


async def test_odd_addresses_lead_nowhere(desk: Desk) -> None:
    person = await desk.logged_in()
    for path in (
        "/messages/%00", "/messages/%ff%fe", "/messages/'%20OR%201=1", "/conversations/%00", "/conversations/x%27y",
        "/messages?before=-1", "/messages?before=99999999999999999999", "/messages?since=x&until=99999-01-01T00:00",
        "/messages?state=nonsense", "/messages?q=%00", "/messages?q=%3C%3E", "/routes?from=-1", "/routes?from=٣",
        "/conversations/1?before=nan", "/conversations/1?before=1e999", "/messages/M1?done=%3Cscript%3E",
        "/static/..%2f..%2fgate.py", "/static/nothing", "/deliveries/M1/explode", "/deliveries/M1/drop",
    ):  # fmt: skip
        status, _ = await person.get(path)
        assert status in {200, 404}, path


async def test_only_reading_and_forms(desk: Desk) -> None:
    person = await desk.logged_in()
    for method in ("PUT", "DELETE", "PATCH"):
        async with person.client.request(method, f"{desk.base}/messages") as answer:
            assert answer.status == 405
    async with person.client.get(f"{desk.base}/logout") as answer:
        assert answer.status == 405


async def test_nothing_comes_from_elsewhere(desk: Desk) -> None:
    ids = await furnish(desk)
    person = await desk.logged_in()
    for path in paths(ids).values():
        _, page = await person.get(path)
        linked = re.findall(r'(?:src|href|action)="([^"]*)"', page)
        assert [each for each in linked if not each.startswith(("/", "#"))] == []
