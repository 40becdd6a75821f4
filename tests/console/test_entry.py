"""Login: right, wrong, too often; and where it leads."""

import io

import pytest

from bridge.console.entry import _own_path
from bridge.proof.lockout import FAILURES
from tests.console.conftest import OPERATOR, Desk


async def test_right_and_wrong(desk: Desk, stream: io.StringIO) -> None:
    person = desk.person()
    for name, password in ((OPERATOR, "wrong"), ("nobody", "wrong"), (desk.passwords[OPERATOR], OPERATOR), ("", "")):
        status, page = await person.log_in(name, password)
        assert (status, "Name or password is wrong." in page) == (403, True)
    status, page = await person.log_in(OPERATOR, desk.passwords[OPERATOR])
    assert (status, "<nav" in page) == (200, True)
    assert desk.passwords[OPERATOR] not in stream.getvalue()


async def test_who_guesses_is_locked_out_even_with_the_right_password(desk: Desk) -> None:
    person = desk.person()
    for _ in range(FAILURES):
        assert (await person.log_in(OPERATOR, "guess"))[0] == 403
    status, page = await person.log_in(OPERATOR, desk.passwords[OPERATOR])
    assert status == 429
    assert "too many wrong logins" in page
    # Somebody else behind the same web server is somebody else.
    other = desk.person()
    other.headers["X-Forwarded-For"] = "198.51.100.9"
    assert (await other.log_in(OPERATOR, desk.passwords[OPERATOR]))[0] == 200


async def test_a_wrong_login_waits_longer_each_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("bridge.console.entry.DELAY", 1.0)
    monkeypatch.setattr("bridge.console.entry.asyncio", type("Loop", (), {"sleep": staticmethod(sleep)}))
    person = desk.person()
    for _ in range(7):
        await person.log_in(OPERATOR, "guess")
    assert waited == [1.0, 2.0, 4.0, 8.0, 16.0, 16.0, 16.0]


async def test_the_login_gives_a_cookie_of_its_own_and_the_logout_takes_it(desk: Desk) -> None:
    person = desk.person()
    await person.get("/login")
    before = {cookie.value for cookie in person.client.cookie_jar}
    await person.log_in(OPERATOR, desk.passwords[OPERATOR])
    during = {cookie.value for cookie in person.client.cookie_jar}
    assert not before & during
    status, page = await person.submit("/", {}, action="/logout")
    assert (status, 'name="password"' in page) == (200, True)
    stolen = desk.person()
    stolen.headers["Cookie"] = f"smsbridge={during.pop()}"
    assert 'name="password"' in (await stolen.get("/"))[1]


async def test_it_leads_to_where_one_wanted_to_go(desk: Desk) -> None:
    person = desk.person()
    _, page = await person.get("/messages?state=held")
    assert 'name="next" value="/messages?state=held"' in page
    fields = {"name": OPERATOR, "password": desk.passwords[OPERATOR], "next": "/messages?state=held"}
    _, page = await person.submit("/login?next=/messages", fields)
    assert '<option value="held" selected>' in page
    assert "<nav" in (await person.get("/login"))[1]


@pytest.mark.parametrize("written", ["//attacker.example", "/\\attacker.example", "http://x", "", "x", "/a\r\nB: c"])
def test_it_never_leads_elsewhere(written: str) -> None:
    assert _own_path(written) == "/"


async def test_a_name_is_shown_again_and_harmless(desk: Desk) -> None:
    status, page = await desk.person().log_in('"><script>x</script>', "y")
    assert (status, "<script>x" in page) == (403, False)
