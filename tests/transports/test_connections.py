"""Connections to the smarthost: how they are secured, kept, bounded and let go of."""

import asyncio
from typing import Any

import aiosmtplib
import pytest

from bridge.message import Scope, Verdict
from bridge.transports.connections import OLDEST, Connections, NoLogin, Untrusted
from tests.transports.servers import (
    NOW,
    PASSWORD,
    Certificates,
    check,
    delivery,
    good,
    scripted,
    sent_to,
    smarthost,
)
from tests.wait import until


async def test_a_smarthost_without_ehlo() -> None:
    async with scripted() as (script, port):
        script.on["EHLO"] = "502 what?\r\n"
        assert (await sent_to(port)).verdict is Verdict.ACCEPTED
    assert "HELO sms.example.com" in script.lines


async def test_connections_are_kept_and_bounded() -> None:
    async with good() as (box, port), smarthost(port, connections=2) as there:
        await asyncio.gather(*(there.send(delivery(id=f"m1-{n}"), NOW) for n in range(10)))
        await there.send(delivery(), NOW)
        assert len(box.mails) == 11
        assert len(box.sessions) == 2


@pytest.mark.parametrize("after", ["close", "421 4.4.2 idle for too long\r\n"])
async def test_a_kept_connection_closed_by_the_server_costs_nothing(after: str) -> None:
    async with scripted() as (script, port), smarthost(port) as there:
        script.after_mail = after
        for _ in range(3):
            assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert len(script.data) == 3


async def test_an_idle_connection_is_closed_by_us_with_quit() -> None:
    async with scripted() as (script, port), smarthost(port, idle=0.05) as there:
        await there.send(delivery(), NOW)
        async with asyncio.timeout(10):
            while "QUIT" not in script.lines:
                await asyncio.sleep(0.01)
        await there.send(delivery(), NOW)
        assert script.sessions == 2


async def test_closing_says_quit() -> None:
    async with scripted() as (script, port):
        await sent_to(port)
        assert script.lines[-1] == "QUIT"


async def test_row_114_starttls_with_a_verified_name() -> None:
    certificates = Certificates()
    async with good(tls_context=certificates.server, require_starttls=True) as (box, port):
        found = await sent_to(port, tls="required", ssl_context=certificates.client)
        assert found.verdict is Verdict.ACCEPTED
        assert box.sessions[-1].ssl is not None


async def test_implicit_tls() -> None:
    certificates = Certificates()
    async with good(implicit=certificates.server) as (box, port):
        found = await sent_to(port, tls="implicit", ssl_context=certificates.client)
        assert found.verdict is Verdict.ACCEPTED
        assert len(box.mails) == 1


@pytest.mark.parametrize("tls", ["required", "implicit"])
@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("other.example.com", True)])
async def test_row_114_a_bad_certificate_is_ours(tls: str, name: str, trusted: bool) -> None:
    certificates = Certificates(name)
    settings: dict[str, Any] = {"tls": tls, "ssl_context": certificates.client if trusted else None}
    implicit = certificates.server if tls == "implicit" else None
    async with good(implicit=implicit, tls_context=None if implicit else certificates.server) as (box, port):
        found = await sent_to(port, username="anna", password=PASSWORD, **settings)
        assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.5")
        assert found.alert
        assert not box.mails


async def test_row_114_no_starttls_where_it_is_required_is_ours() -> None:
    async with good() as (box, port):
        found = await sent_to(port, tls="required")
        assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.4")
        assert not box.mails


@pytest.mark.parametrize(
    ("reply", "verdict"), [("454 4.7.0 TLS not available", Verdict.TEMPORARY), ("220 go\r\nnot TLS", Verdict.TEMPORARY)]
)
async def test_starttls_that_fails_for_now(reply: str, verdict: Verdict) -> None:
    async with scripted() as (script, port):
        script.extensions = ["STARTTLS"]
        script.on["STARTTLS"] = reply + "\r\n"
        found = await sent_to(port, tls="required", command_timeout=2.0)
    assert found.verdict is verdict
    assert not [line for line in script.lines if line.startswith("MAIL")]


async def test_a_server_that_speaks_no_tls_is_tried_later() -> None:
    async with scripted() as (script, port):
        found = await sent_to(port, tls="implicit", command_timeout=2.0)
        assert (found.verdict, found.code) == (Verdict.TEMPORARY, "tls")
        assert not script.lines


async def test_opportunistic_takes_any_certificate_or_none() -> None:
    certificates = Certificates("other.example.com")
    async with good(tls_context=certificates.server) as (box, port):
        assert (await sent_to(port, tls="opportunistic")).verdict is Verdict.ACCEPTED
        assert box.sessions[-1].ssl is not None
    async with good() as (box, port):
        assert (await sent_to(port, tls="opportunistic")).verdict is Verdict.ACCEPTED
        assert box.sessions[-1].ssl is None


@pytest.mark.parametrize("mechanisms", [("PLAIN", "LOGIN"), ("LOGIN",)])
async def test_login(mechanisms: tuple[str, ...]) -> None:
    certificates = Certificates()
    settings: dict[str, Any] = {"tls": "required", "ssl_context": certificates.client, "username": "anna"}
    excluded = [name for name in ("PLAIN", "LOGIN") if name not in mechanisms]
    async with good(
        tls_context=certificates.server, auth_required=True, authenticator=check, auth_exclude_mechanism=excluded
    ) as (box, port):
        assert (await sent_to(port, password=PASSWORD, **settings)).verdict is Verdict.ACCEPTED
        found = await sent_to(port, password="wrong", **settings)
        assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.8")
        assert (found.code, found.alert) == ("535", True)
        found = await sent_to(port, **(settings | {"username": None}))
        assert (found.verdict, found.scope) == (Verdict.OURS, Scope.ACCOUNT)
        assert len(box.mails) == 1


async def test_a_wrong_password_is_tried_once() -> None:
    async with scripted() as (script, port):
        script.extensions = ["AUTH PLAIN LOGIN CRAM-MD5"]
        script.on["AUTH"] = "535 5.7.8 no\r\n"
        assert (await sent_to(port, username="anna", password="x")).verdict is Verdict.OURS
    assert len([line for line in script.lines if line.startswith("AUTH")]) == 1


async def test_cram_md5_where_nothing_else_is_offered() -> None:
    async with scripted() as (script, port):
        script.extensions = ["AUTH CRAM-MD5"]
        script.on = {"AUTH": "334 PDEyM0BteC5leGFtcGxlLmNvbT4=\r\n", "dot": "250 Ok\r\n"}
        script.otherwise = "235 Ok\r\n"
        assert (await sent_to(port, username="anna", password=PASSWORD)).verdict is Verdict.ACCEPTED
    assert PASSWORD not in "".join(script.lines)


async def test_a_login_that_fails_for_now() -> None:
    async with scripted() as (script, port):
        script.extensions = ["AUTH PLAIN"]
        script.on["AUTH"] = "454 4.7.0 database away\r\n"
        found = await sent_to(port, username="anna", password="x")
    assert (found.verdict, found.status) == (Verdict.TEMPORARY, "4.7.0")


async def test_no_way_to_log_in_is_ours() -> None:
    async with scripted() as (script, port):
        script.extensions = ["AUTH GSSAPI"]
        found = await sent_to(port, username="anna", password="x")
    assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.8")


async def test_row_114_a_password_is_not_sent_in_clear_because_somebody_took_starttls_away() -> None:
    async with scripted() as (script, port):
        script.extensions = ["AUTH PLAIN"]
        found = await sent_to(port, tls="opportunistic", username="anna", password="x")
    assert (found.verdict, found.scope) == (Verdict.OURS, Scope.ACCOUNT)
    assert not [line for line in script.lines if line.startswith("AUTH")]


# --- by themselves ---------------------------------------------------------------------------------------------------


def pool(port: int, **changes: Any) -> Connections:
    settings: dict[str, Any] = {
        "host": "localhost",
        "port": port,
        "tls": "none",
        "login": None,
        "hostname": "sms.example.com",
        "most": 2,
        "idle": 30.0,
        "ssl_context": None,
        "timeout": 5.0,
    }
    return Connections(**(settings | changes))


async def test_the_connection_used_last_is_taken_first() -> None:
    async with scripted() as (script, port):
        connections = pool(port)
        assert connections.take() is None
        first, second = await connections.open(), await connections.open()
        connections.give_back(first)
        connections.give_back(second)
        assert connections.take() is second
        assert connections.take() is first
        assert connections.take() is None
        for kept in (first, second):
            connections.give_back(kept)
        await connections.close()
        assert script.lines.count("QUIT") == script.sessions == 2
        assert script.lines[0] == "EHLO sms.example.com"


async def test_a_connection_that_was_closed_is_not_kept() -> None:
    async with scripted() as (script, port):
        connections = pool(port)
        kept = await connections.open()
        kept.session.close()
        connections.give_back(kept)
        assert connections.take() is None
        await connections.close()
        assert "QUIT" not in script.lines


@pytest.mark.parametrize(("older", "kept_on"), [(-5.0, True), (1.0, False)])
async def test_an_old_connection_is_said_goodbye_to(older: float, kept_on: bool) -> None:
    async with scripted() as (script, port):
        connections = pool(port)
        kept = await connections.open()
        kept.opened_at -= OLDEST + older
        connections.give_back(kept)
        assert (connections.take() is kept) is kept_on
        kept.session.close() if kept_on else await connections.close()
        assert ("QUIT" in script.lines) is not kept_on


async def test_an_idle_connection_is_not_taken_even_if_nobody_has_looked_yet() -> None:
    async with scripted() as (script, port):
        connections = pool(port, idle=30.0)
        kept = await connections.open()
        connections.give_back(kept)
        kept.used_at -= 30.0
        assert connections.take() is None
        await connections.close()
        assert script.lines[-1] == "QUIT"


@pytest.mark.parametrize(
    ("on", "settings", "error"),
    [
        ({"banner": "554 no\r\n"}, {}, aiosmtplib.SMTPConnectResponseError),
        ({"EHLO": "421 no\r\n"}, {}, aiosmtplib.SMTPHeloError),
        ({"EHLO": "502 no\r\n", "HELO": "502 no\r\n"}, {}, aiosmtplib.SMTPHeloError),
        ({}, {"tls": "required"}, Untrusted),
        ({}, {"tls": "opportunistic", "login": ("anna", "x")}, Untrusted),
        ({}, {"login": ("anna", "x")}, NoLogin),
    ],
)
async def test_a_connection_that_cannot_be_used_is_not_left_open(
    on: dict[str, str | None], settings: dict[str, Any], error: type[Exception]
) -> None:
    async with scripted() as (script, port):
        script.on = on
        with pytest.raises(error):
            await pool(port, **settings).open()
        await until(lambda: not script._tasks, "the end of the session")
        assert script.sessions == 1


async def test_a_slot_is_waited_for() -> None:
    connections = pool(0, most=1)
    entered: list[int] = []

    async def enter(number: int) -> None:
        async with connections.slot():
            entered.append(number)

    async with connections.slot():
        waiting = [asyncio.create_task(enter(number)) for number in range(3)]
        for _ in range(5):
            await asyncio.sleep(0)
        assert entered == []
    await asyncio.gather(*waiting)
    assert entered == [0, 1, 2]


async def test_goodbye_to_a_server_that_does_not_answer_does_not_keep_us() -> None:
    async with scripted() as (script, port):
        connections = pool(port)
        connections.give_back(await connections.open())
        script.on["QUIT"] = None
        await asyncio.wait_for(connections.close(), 20)
        assert script.lines[-1] == "QUIT"
