"""The demonstration: no login, a phone to type on, and the mailbox that it comes to."""

from tests.console.conftest import PHONE, Desk
from tests.wait import until_async


async def test_what_is_typed_arrives_in_the_mailbox(demo: Desk) -> None:
    person = demo.person()
    status, page = await person.submit("/phone", {"text": "Grüße <b>vom</b> Telefon\r\nzweite Zeile"})
    assert status == 200
    assert "Grüße &lt;b&gt;vom&lt;/b&gt; Telefon\nzweite Zeile" in page.partition('class="mailbox"')[0]

    async def arrived() -> bool:
        _, shown = await person.get("/phone")
        return "Grüße &lt;b&gt;vom&lt;/b&gt; Telefon\nzweite Zeile" in shown.partition('class="mailbox"')[2]

    await until_async(arrived, "the mail")


async def test_what_is_mailed_appears_on_the_screen(demo: Desk) -> None:
    person = demo.person()
    await demo.mail("", "Hello from the mailbox")

    async def shown() -> bool:
        return 'class="bubble in"' in (await person.get("/phone"))[1]

    await until_async(shown, "the SMS")


async def test_nothing_is_not_sent_and_a_forged_sms_neither(demo: Desk) -> None:
    person = demo.person()
    await person.submit("/phone", {"text": "  \r\n "})
    assert (await person.post("/phone", {"text": "forged"}))[0] == 403
    assert demo.simulator.notifications == []


async def test_nobody_logs_in_and_everything_is_open(demo: Desk) -> None:
    person = demo.person()
    for path in ("/", "/messages", "/conversations", f"/conversations/{PHONE}", "/routes", "/phone", "/login"):
        status, page = await person.get(path)
        assert (status, "demonstration" in page) == (200, True), path


async def test_there_is_no_phone_elsewhere(desk: Desk) -> None:
    person = await desk.logged_in()
    assert (await person.get("/phone"))[0] == 404
    assert 'href="/phone"' not in (await person.get("/"))[1]


async def test_a_mailbox_that_is_not_there_yet_is_empty(demo: Desk) -> None:
    assert "No mail yet." in (await demo.person().get("/phone"))[1]
