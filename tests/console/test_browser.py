"""The console in a real browser: Chromium through Playwright, and axe-core for whoever sees, hears or types otherwise.

In CI a missing browser fails; elsewhere these tests are skipped and say what is missing.
"""

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.console.conftest import ADDRESS, AUTHOR, OPERATOR, PHONE, Desk, desk_at
from tests.console.scene import furnish, pause
from tests.wait import PATIENCE

WIDE, NARROW = (1280, 900), (390, 844)
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def chromium() -> str:
    """The program; skips the test, or fails it in CI, where there is none."""
    found = os.environ.get("SMSBRIDGE_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    try:
        import playwright  # noqa: F401
    except ImportError:
        found = None
    if not found:
        assert not os.environ.get("CI"), "the browser is missing: install chromium and the package playwright"
        pytest.skip("no browser here: install Chromium (or set SMSBRIDGE_TEST_CHROMIUM) and pip install playwright")
    return found


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    program = chromium()
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield started
        await started.close()


def paths(ids: dict[str, str]) -> dict[str, str]:
    """Every page by a name."""
    return {
        "overview": "/",
        "messages": "/messages",
        "search": f"/messages?q={AUTHOR}&state=held",
        "timeline": f"/messages/{ids['sent']}",
        "hostile": f"/messages/{ids['hostile']}",
        "failed": f"/messages/{ids['failed']}",
        "erased": f"/messages/{ids['erased']}",
        "confirm": f"/deliveries/{ids['queued']}-1/drop",
        "again": f"/deliveries/{ids['unknown']}-1/retry",
        "restored": "/restored",
        "conversations": "/conversations",
        "conversation": f"/conversations/{PHONE}",
        "routes": "/routes",
        "missing": "/messages/nothing",
    }


async def log_in(page: Any, desk: Desk) -> None:
    await page.goto(f"{desk.base}/login")
    await page.fill("#name", OPERATOR)
    await page.fill("#password", desk.passwords[OPERATOR])
    await page.click("main button")
    await page.wait_for_selector("nav")


async def violations(page: Any, rules: Sequence[str] = RULES) -> list[str]:
    """What axe-core finds on the page as it stands."""
    from axe_playwright_python.base import AXE_FILE_PATH

    # Not as a script of the page: its content security policy allows none but its own.
    await page.evaluate(Path(AXE_FILE_PATH).read_text(encoding="utf-8"))
    found = await page.evaluate("rules => axe.run(document, { runOnly: rules })", list(rules))
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


async def overflow(page: Any) -> int:
    """How many pixels a page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["desktop", "phone"])
async def test_every_page_is_accessible_and_fits(
    browser: Any, tmp_path: Path, size: tuple[int, int], scheme: str
) -> None:
    async with desk_at(tmp_path) as desk:
        ids = await furnish(desk)
        await pause(desk)
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="de-AT"
        )
        page = await context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        await page.goto(f"{desk.base}/login")
        assert await violations(page) == []
        await log_in(page, desk)
        wrong: dict[str, list[str]] = {}
        for name, path in paths(ids).items():
            await page.goto(desk.base + path)
            # What depends on the colours is their contrast.
            found = await violations(page, RULES if scheme == "light" else ["color-contrast"])
            if await overflow(page) > 0:
                found.append(f"{await overflow(page)} px too wide")
            if found:
                wrong[name] = found
            assert "broken" not in await page.title()
        assert wrong == {}
        # A page that is missing is told to the console of the browser by itself.
        assert [line for line in said if "404" not in line] == []
        await context.close()


async def test_what_is_wrong_with_a_page_would_be_found(browser: Any) -> None:
    page = await browser.new_page()
    await page.set_content('<html><body><p style="color: #aaa; background: #bbb">some text</p><input></body></html>')
    found = " ".join(await violations(page))
    assert all(rule in found for rule in ("color-contrast", "label", "html-has-lang"))
    assert "color-contrast" in " ".join(await violations(page, ["color-contrast"]))


async def test_a_demonstration_shows_the_phone_and_the_mailbox(browser: Any, demo: Desk) -> None:
    page = await (await browser.new_context(viewport={"width": 1280, "height": 900})).new_page()
    await page.goto(f"{demo.base}/phone")
    await page.fill("#text", "Hello <b>from</b> the phone")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".glass .bubble")
    # The page keeps up by itself.
    await page.wait_for_selector(".mails li", timeout=PATIENCE * 1000)
    assert "Hello <b>from</b> the phone" in await page.inner_text(".mails li")
    await demo.mail("", "Hello from the mailbox")
    await page.fill("#text", "half a sentence")
    await page.wait_for_selector(".glass li.in", timeout=PATIENCE * 1000)
    assert await page.input_value("#text") == "half a sentence"
    assert await violations(page) == []


async def test_everything_works_without_javascript(browser: Any, desk: Desk) -> None:
    ids = await furnish(desk)
    context = await browser.new_context(java_script_enabled=False, locale="en-US")
    page = await context.new_page()
    await page.goto(f"{desk.base}/messages/{ids['queued']}")
    assert page.url.startswith(f"{desk.base}/login?next=")
    await page.fill("#name", OPERATOR)
    await page.fill("#password", desk.passwords[OPERATOR])
    await page.click("main button")
    assert page.url == f"{desk.base}/messages/{ids['queued']}"
    await page.click("text=Drop")
    await page.click("main button")
    assert "It was dropped." in await page.inner_text("main")
    await page.goto(f"{desk.base}/routes")
    await page.fill("#sender", AUTHOR)
    await page.fill("#recipient", ADDRESS)
    await page.fill("#text", "Hello")
    await page.click("main form button")
    assert "It would be taken." in await page.inner_text("#answer")
    await page.goto(f"{desk.base}/messages?q=06600000001")
    assert ids["sent"] in await page.inner_text("main")
    await page.click("text=Log out")
    assert page.url == f"{desk.base}/login"


async def test_the_keyboard_suffices(browser: Any, desk: Desk) -> None:
    page = await (await browser.new_context(locale="en-US")).new_page()
    await page.goto(f"{desk.base}/login")
    await page.focus("#name")
    await page.keyboard.type(OPERATOR)
    await page.keyboard.press("Tab")
    await page.keyboard.type(desk.passwords[OPERATOR])
    await page.keyboard.press("Enter")
    await page.wait_for_selector("nav")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    shown = "(e => { const r = e.getBoundingClientRect(); return r.left >= 0 && r.width > 0 })(document.activeElement)"
    assert await page.evaluate(shown)
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    seen = []
    while await page.evaluate("document.activeElement !== document.body"):  # behind the last one
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
    assert len(seen) > 5
    assert set(seen[:-1]) == {"solid"}
