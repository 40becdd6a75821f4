"""Who gets through: names, logins, forged requests, roles; and what every answer says to browsers."""

import asyncio
import io
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from unittest.mock import Mock

import pytest
from multidict import CIMultiDict

from bridge.console.gate import HEADERS, peer_of, text
from tests.console.conftest import OPERATOR, VIEWER, Desk, desk_at, seal_of
from tests.console.scene import delivery, put
from tests.wait import PATIENCE

PAGES = ("/", "/messages", "/messages/M1", "/conversations", "/conversations/4711", "/routes")
LAMPS = ("/healthz", "/readyz")


async def status(desk: Desk, path: str, **headers: str) -> int:
    person = desk.person()
    async with person.client.get(
        desk.base + path, headers={name.replace("_", "-"): value for name, value in headers.items()},
        allow_redirects=False,
    ) as answer:  # fmt: skip
        return answer.status


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_login_there_is_only_the_login(desk: Desk, path: str) -> None:
    person = desk.person()
    async with person.client.get(desk.base + path, allow_redirects=False) as answer:
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/login")
        assert await answer.text() == ""


async def test_every_answer_says_what_a_browser_may_do_with_it(desk: Desk) -> None:
    person = await desk.logged_in()
    for path in (*PAGES, *LAMPS, "/nothing", "/login"):
        async with person.client.get(desk.base + path) as answer:
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


async def test_the_cookie_is_for_us_alone(desk: Desk) -> None:
    person = desk.person()
    async with person.client.get(f"{desk.base}/login") as answer:
        cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    async with desk.person().client.get(f"{desk.base}/login", headers={"X-Forwarded-Proto": "https"}) as answer:
        cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-smsbridge=")
    assert "Secure" in cookie.split("; ")


@pytest.mark.parametrize(
    "host", ["attacker.example", "127.0.0.1.attacker.example", "192.0.2.1", "localhost.attacker.example", "", "]["]
)
async def test_another_name_is_not_served(desk: Desk, host: str) -> None:
    assert await status(desk, "/login", Host=host) in {400, 421}


@pytest.mark.parametrize("host", ["localhost:8081", "127.0.0.1", "[::1]:99", "bridge.example.com", "LOCALHOST"])
async def test_our_names_are_served(desk: Desk, host: str) -> None:
    assert await status(desk, "/login", Host=host) == 200


async def test_a_name_can_be_added(tmp_path: Path) -> None:
    async with desk_at(tmp_path, console='names = ["console.example.com"]\n') as desk:
        assert await status(desk, "/login", Host="console.example.com") == 200


async def test_lamps_are_open_to_whoever_reaches_them(desk: Desk) -> None:
    for path in LAMPS:
        assert await status(desk, path, Host="10.0.0.1:8081") == 200


@pytest.fixture
async def waiting(desk: Desk) -> AsyncIterator[tuple[Desk, str]]:
    """A message that an operator could drop."""
    await put(desk, delivery("M1"))
    yield desk, "/deliveries/M1-1/drop"
    ((found, _),) = await desk.spool.show("M1-1")
    assert found.state == "queued"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://attacker.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
async def test_a_forged_request_does_nothing(waiting: tuple[Desk, str], headers: dict[str, str]) -> None:
    desk, path = waiting
    person = await desk.logged_in()
    assert (await person.post(path, {"seal": await person.seal(path)}, **headers))[0] == 403


async def test_a_form_without_its_seal_or_with_anothers_does_nothing(waiting: tuple[Desk, str]) -> None:
    desk, path = waiting
    person, other = await desk.logged_in(), await desk.logged_in()
    for seal in ("", "0" * 64, await other.seal(path), "ü\x00"):
        assert (await person.post(path, {"seal": seal}))[0] == 403
    for body in (b"", b"\xff\xfe", b"&" * 10_000, b"seal=" + b"x" * 100_000):
        async with person.client.post(desk.base + path, data=body, headers={"Origin": desk.base}) as answer:
            assert answer.status == 403


async def test_a_body_without_end_is_not_read(desk: Desk) -> None:
    person = await desk.logged_in()
    async with person.client.post(f"{desk.base}/routes", data=b"x" * 1_000_000) as answer:
        assert answer.status == 413


async def test_a_body_that_does_not_come_is_not_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a few such connections from a few addresses would have taken all that there are."""
    monkeypatch.setattr("bridge.console.gate.BODY_WITHIN", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.daemon.ports["console"][0])
    writer.write(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nseal")
    answer = await asyncio.wait_for(reader.readline(), PATIENCE)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("cookie", [b"\xff\xfe", b'"\\377"', "ü".encode(), b"", b"x" * 99, b"\xed\xa0\x80"], ids=repr)
async def test_a_cookie_that_we_never_gave_is_none(desk: Desk, cookie: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.daemon.ports["console"][0])
    ask = b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: smsbridge=" + cookie + b"\r\n\r\n"
    writer.write(ask)
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Set-Cookie: smsbridge=" in answer


async def test_a_viewer_looks_and_changes_nothing(waiting: tuple[Desk, str], stream: io.StringIO) -> None:
    desk, path = waiting
    person = await desk.logged_in(VIEWER)
    assert (await person.get("/"))[0] == 200
    code, page = await person.get("/messages/M1")
    assert (code, path in page) == (200, False)
    assert (await person.get(path))[0] == 403
    assert " reject " not in stream.getvalue(), "who only looks is nobody's business"
    assert (await person.post(path, {"seal": seal_of(page)}))[0] == 403
    (line,) = [line for line in stream.getvalue().splitlines() if " reject " in line]
    assert f"user={VIEWER}" in line
    assert path in line
    assert (await person.get("/restored"))[0] == 403


async def test_a_session_that_is_over_changes_nothing(waiting: tuple[Desk, str]) -> None:
    desk, path = waiting
    person = await desk.logged_in()
    seal = await person.seal(path)
    (desk.place / "console-users").write_text(f"{VIEWER}:certificate:viewer\n", encoding="utf-8")
    (desk.place / "console-users").write_text("# nobody\n", encoding="utf-8")
    await desk.daemon.reload()
    assert (await person.post(path, {"seal": seal}))[0] == 403
    assert "/login" in str((await person.client.get(f"{desk.base}/")).url)


async def test_without_users_there_are_no_pages_but_a_sentence(tmp_path: Path) -> None:
    async with desk_at(tmp_path, users=False) as desk:
        person = desk.person()
        for path in (*PAGES, "/login"):
            code, page = await person.get(path)
            assert code == 403
            assert "smsbridge user add --console NAME" in page
        assert (await person.get("/phone"))[0] == 404
        assert (await person.get("/readyz"))[0] == 200


async def test_a_spool_that_does_not_answer_is_said(desk: Desk) -> None:
    person = await desk.logged_in()
    await desk.spool.close()
    code, page = await person.get("/messages")
    assert code == 503
    assert "The spool does not answer" in page


@pytest.mark.parametrize(
    ("remote", "forwarded", "found"),
    [
        ("192.0.2.1", "198.51.100.9", "192.0.2.1"),
        ("127.0.0.1", "203.0.113.5, 198.51.100.9", "198.51.100.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("fe80::1%eth0", "", "fe80::1"),
        ("127.0.0.1", "198.51.100.9:51234", "198.51.100.9"),
        ("::1", "203.0.113.5, [2001:db8::9]:443", "2001:db8::9"),
        ("::1", "2001:db8::9", "2001:db8::9"),
        ("127.0.0.1", "nonsense", None),
        ("127.0.0.1", "[", None),
        (None, "", None),
    ],
)
def test_who_asks(remote: str | None, forwarded: str, found: str | None) -> None:
    request = Mock(remote=remote, headers=CIMultiDict({"X-Forwarded-For": forwarded}))
    assert peer_of(request) == (ip_address(found) if found else None)


def test_who_asks_is_whom_the_last_line_names() -> None:
    """Some web servers add a line of their own (HAProxy), and what stands above it the visitor wrote."""
    said = CIMultiDict([("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-For", "198.51.100.9")])
    assert peer_of(Mock(remote="127.0.0.1", headers=said)) == ip_address("198.51.100.9")


def test_fields_are_short_and_one_line() -> None:
    assert text({"a": " x\ny\x00" + "z" * 999}, "a", 10) == "x y zzzzz"
    assert text({}, "a") == ""


def test_the_operator_of_these_tests_is_one() -> None:
    assert OPERATOR != VIEWER
