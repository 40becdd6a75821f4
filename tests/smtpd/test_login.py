"""TLS and AUTH: by hand, by smtplib and by swaks (reliability.md, 2.A 7-10, 2.B 34-38)."""

import asyncio
import contextlib
import io
import os
import shutil
import smtplib
import socket
import ssl
from base64 import b64encode

import pytest

from bridge.smtpd.contract import Limits, Reply
from tests.smtpd.conftest import Certificates
from tests.smtpd.raw import RECIPIENT, SENDER, Raw, Recorder, Rig, until

NAME, PASSWORD = b"panel", "pässwörd \U0001f511".encode()
BOTH = ("starttls", "implicit")
SWAKS_RECIPIENT = "436600000001@sms.example.com"  # it takes a leading "+" for an option of its own


def b64(octets: bytes) -> str:
    return b64encode(octets).decode()


PLAIN = b64(b"\0" + NAME + b"\0" + PASSWORD)


def users() -> Recorder:
    return Recorder(users={NAME: PASSWORD})


async def secured(rig: Rig, certificates: Certificates) -> Raw:
    client = await rig.greeted()
    await client.start_tls(certificates.client)
    return client


async def test_starttls_is_offered_once_and_auth_only_after_it(certificates: Certificates) -> None:
    async with Rig(users(), context=certificates.server) as rig:
        client = await rig.client()
        await client.reply()
        before = await client.say("EHLO x")
        assert "250 STARTTLS" in before
        assert "AUTH" not in before
        await client.start_tls(certificates.client)
        assert await client.say("MAIL FROM:<a@example.org>") == "503 5.5.1 bad sequence of commands", "greet again"
        after = await client.say("EHLO y")
        assert "STARTTLS" not in after
        assert after.endswith("250 AUTH PLAIN LOGIN")
        assert (await client.say("STARTTLS")).startswith("503 5.5.1 ")
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
        assert (await client.say("QUIT")).startswith("221 ")
        assert await client.rest() == b""
    (mail,) = rig.policy.taken
    assert (mail.peer.tls, mail.peer.helo, mail.peer.host) == (True, "y", "127.0.0.1")
    assert rig.policy.peers[0].port == mail.peer.port, "one peer for the whole connection"


async def test_auth_is_not_offered_without_users(certificates: Certificates) -> None:
    async with Rig(context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.client(certificates.client)
        await client.reply()
        assert "AUTH" not in await client.say("EHLO x")
        assert (await client.say("AUTH PLAIN " + PLAIN)).startswith("502 5.5.1 ")


@pytest.mark.parametrize("mode", ["plain", "implicit"])
async def test_starttls_belongs_to_its_own_mode(certificates: Certificates, mode: str) -> None:
    async with Rig(context=certificates.server, modes=[mode]) as rig:
        client = await rig.client(certificates.client if mode == "implicit" else None)
        await client.reply()
        assert "STARTTLS" not in await client.say("EHLO x")
        assert (await client.say("STARTTLS"))[:9] == ("454 4.7.0" if mode == "plain" else "503 5.5.1")


async def test_row_9_required_tls(certificates: Certificates) -> None:
    async with Rig(context=certificates.server, require_tls=True) as rig:
        client = await rig.greeted()
        assert (await client.say("MAIL FROM:<a@example.org>")).startswith("530 5.7.0 ")
        await client.start_tls(certificates.client)
        await client.say("EHLO x")
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")


@pytest.mark.parametrize("injected", [b"NOOP\r\n", b"MAIL FROM:<evil@example.org>\r\n", b"R"])
async def test_row_7_what_is_injected_before_tls_is_not_executed(certificates: Certificates, injected: bytes) -> None:
    async with Rig(context=certificates.server) as rig:
        client = await rig.greeted()
        await client.send(b"STARTTLS\r\n" + injected)
        assert await client.rest() == b"554 5.5.0 protocol synchronization error\r\n"
    assert not rig.policy.senders


async def test_row_7_state_from_before_tls_is_forgotten(certificates: Certificates) -> None:
    async with Rig(context=certificates.server) as rig:
        client = await rig.greeted()
        await client.envelope("evil@example.org")
        await client.start_tls(certificates.client)
        assert (await client.say("DATA")).startswith("503 ")
        await client.say("EHLO x")
        assert (await client.say("RCPT TO:<b@example.org>")).startswith("503 ")


@pytest.mark.parametrize("mode", BOTH)
async def test_row_10_a_handshake_that_stalls_is_cut_off(certificates: Certificates, mode: str) -> None:
    limits = Limits(handshake_timeout=0.2)
    async with Rig(context=certificates.server, modes=[mode], limits=limits) as rig:
        client = await rig.client()
        if mode == "starttls":
            await client.reply()
            assert (await client.say("STARTTLS")).startswith("220 ")
        assert await client.rest() == b""
        await until(lambda: not rig.listener.sessions)


@pytest.mark.parametrize("mode", BOTH)
async def test_a_handshake_that_is_none_ends_the_connection(certificates: Certificates, mode: str) -> None:
    async with Rig(context=certificates.server, modes=[mode]) as rig:
        client = await rig.client()
        if mode == "starttls":
            await client.reply()
            assert (await client.say("STARTTLS")).startswith("220 ")
        await client.send(b"EHLO plain\r\nMAIL FROM:<a@example.org>\r\n")
        assert b"250" not in await client.rest()
        await until(lambda: not rig.listener.sessions)
    assert not rig.policy.senders


async def test_implicit_tls_without_a_certificate_hangs_up() -> None:
    async with Rig(modes=["implicit"]) as rig:
        assert await (await rig.client()).rest() == b""
        await until(lambda: not rig.listener.sessions)


async def test_a_client_that_leaves_in_the_handshake_is_forgotten(certificates: Certificates) -> None:
    async with Rig(context=certificates.server, modes=["implicit"]) as rig:
        for abort in (True, False):
            client = await rig.client()
            await until(lambda: len(rig.listener.sessions) == 1)
            if abort:
                client.writer.transport.abort()
            else:
                client.writer.write_eof()
            await until(lambda: not rig.listener.sessions)


async def test_a_client_that_leaves_under_tls_does_not_undo_the_mail(certificates: Certificates) -> None:
    policy = Recorder(gate=asyncio.Event())
    async with Rig(policy, context=certificates.server) as rig:
        client = await secured(rig, certificates)
        await client.say("EHLO x")
        await client.envelope()
        await client.say("DATA")
        await client.send(b"Hi\r\n.\r\n")
        await policy.begun.wait()
        client.writer.transport.abort()
        await asyncio.sleep(0.05)
        assert policy.gate is not None
        policy.gate.set()
        await until(lambda: len(policy.taken) == 1)


async def test_a_big_mail_through_tls(certificates: Certificates) -> None:
    async with Rig(context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.greeted(certificates.client)
        content = b"x" * 998 + b"\r\n"
        assert (await client.mail(content * 1000 + b".\r\n")).startswith("250 ")
    assert rig.policy.taken[0].content == content * 1000


async def test_a_new_certificate_is_shown_to_new_sessions(certificates: Certificates) -> None:
    async with Rig(context=certificates.server, modes=BOTH) as rig:

        async def shown() -> list[bytes | None]:
            starttls, implicit = await rig.greeted(), await rig.greeted(certificates.client, port=rig.listener.ports[1])
            await starttls.start_tls(certificates.client)
            return [c.writer.get_extra_info("ssl_object").getpeercert(True) for c in (starttls, implicit)]

        before = await shown()
        waiting = await rig.greeted()
        rig.listener.ssl_context = certificates.other_server
        after = await shown()
        assert before[0] == before[1] != after[0] == after[1]
        await waiting.start_tls(certificates.client)
        assert waiting.writer.get_extra_info("ssl_object").getpeercert(True) == before[0]


LOGINS = {
    "plain": ["AUTH PLAIN " + PLAIN],
    "plain, lower case": ["auth plain " + PLAIN],
    "plain, acting as oneself": ["AUTH PLAIN " + b64(NAME + b"\0" + NAME + b"\0" + PASSWORD)],
    "plain, asked": ["AUTH PLAIN", PLAIN],
    "login": ["AUTH LOGIN", b64(NAME), b64(PASSWORD)],
    "login, mixed case": ["AUTH Login", b64(NAME), b64(PASSWORD)],
    "login, with the name": ["AUTH LOGIN " + b64(NAME), b64(PASSWORD)],
}


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("lines", LOGINS.values(), ids=LOGINS)
async def test_row_36_a_login(certificates: Certificates, mode: str, lines: list[str]) -> None:
    async with Rig(users(), context=certificates.server, modes=[mode]) as rig:
        if mode == "implicit":
            client = await rig.client(certificates.client)
            await client.reply()
        else:
            client = await secured(rig, certificates)
        await client.say("EHLO x")
        for line in lines[:-1]:
            assert (await client.say(line)).startswith("334 ")
        assert await client.say(lines[-1]) == "235 2.7.0 Authentication successful"
        assert (await client.say("AUTH PLAIN " + PLAIN)).startswith("503 5.5.1 ")
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
    assert rig.policy.taken[0].peer.user == NAME.decode()
    assert rig.policy.logins == [(NAME, PASSWORD)]


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["AUTH"], "501 5.5.2"),
        (["AUTH CRAM-MD5"], "504 5.5.4"),
        (["AUTH PLAIN a b"], "501 5.5.2"),
        (["AUTH PLAIN !!!"], "501 5.5.2"),
        (["AUTH PLAIN ä"], "501 5.5.2"),
        (["AUTH PLAIN " + b64(b"no zeros")], "501 5.5.2"),
        (["AUTH PLAIN ="], "501 5.5.2"),
        (["AUTH PLAIN", "*"], "501 5.7.0"),
        (["AUTH PLAIN", "x" * 20_000], "500 5.5.6"),
        (["AUTH PLAIN " + "x" * 13_000], "500 5.5.2"),
        (["AUTH LOGIN", "*"], "501 5.7.0"),
        (["AUTH LOGIN", b64(NAME), "*"], "501 5.7.0"),
        (["AUTH LOGIN", "!!!"], "501 5.5.2"),
        (["AUTH PLAIN " + b64(b"\0panel\0wrong")], "535 5.7.8"),
        (["AUTH PLAIN " + b64(b"other\0panel\0" + PASSWORD)], "535 5.7.8"),
        (["AUTH LOGIN", b64(b"\xff\xfe"), b64(b"\xff")], "535 5.7.8"),
    ],
)
async def test_a_login_that_fails(certificates: Certificates, lines: list[str], answer: str) -> None:
    async with Rig(users(), context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.greeted(certificates.client)
        for line in lines[:-1]:
            assert (await client.say(line)).startswith("334 ")
        assert (await client.say(lines[-1])).startswith(answer + " ")
        assert await client.say("AUTH PLAIN " + PLAIN) == "235 2.7.0 Authentication successful"


async def test_row_34_three_wrong_passwords_end_a_connection(certificates: Certificates) -> None:
    async with Rig(users(), context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.greeted(certificates.client)
        for _ in range(3):
            assert (await client.say("AUTH PLAIN " + b64(b"\0panel\0wrong"))).startswith("535 5.7.8 ")
        assert (await client.reply()).startswith("421 4.7.0 ")
        assert await client.rest() == b""


async def test_row_37_a_policy_that_is_too_busy_says_so(certificates: Certificates) -> None:
    policy = Recorder(users={NAME: PASSWORD}, login_reply=Reply(454, "4.7.0", "too busy"))
    async with Rig(policy, context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.greeted(certificates.client)
        for _ in range(5):
            assert await client.say("AUTH PLAIN " + PLAIN) == "454 4.7.0 too busy"
        policy.login_reply = None
        policy.broken = {"authenticate"}
        assert (await client.say("AUTH PLAIN " + PLAIN)).startswith("451 4.3.0 ")


async def test_passwords_are_not_logged(certificates: Certificates, stream: io.StringIO) -> None:
    async with Rig(users(), context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.greeted(certificates.client)
        rig.policy.broken = {"authenticate"}
        for line in ("AUTH nonsense", PLAIN, "AUTH PLAIN " + PLAIN, "AUTH LOGIN", b64(NAME), b64(PASSWORD)):
            await client.say(line)
    logged = stream.getvalue()
    assert "session failed" in logged
    assert PLAIN not in logged
    assert b64(PASSWORD) not in logged
    assert PASSWORD.decode() not in logged


async def test_who_has_logged_in_may_send_ahead(certificates: Certificates) -> None:
    async with Rig(users(), context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.greeted(certificates.client)
        await client.say("AUTH PLAIN " + PLAIN)
        await client.envelope()
        await client.send(b"DATA\r\nHi\r\n.\r\nNOOP\r\n")
        assert [(await client.reply())[:3] for _ in range(3)] == ["354", "250", "250"]


@pytest.mark.parametrize("mode", BOTH)
async def test_smtplib_logs_in_and_sends(certificates: Certificates, mode: str) -> None:
    def send(port: int) -> None:
        client: smtplib.SMTP
        if mode == "implicit":
            client = smtplib.SMTP_SSL("localhost", port, context=certificates.client)
        else:
            client = smtplib.SMTP("localhost", port)
            client.starttls(context=certificates.client)
        with client:
            client.login("panel", "hunter2")
            client.sendmail(SENDER, [RECIPIENT], "Subject: Hi\n\n.dot\n", ["RET=FULL"], ["NOTIFY=NEVER"])

    async with Rig(Recorder(users={b"panel": b"hunter2"}), context=certificates.server, modes=[mode]) as rig:
        await asyncio.to_thread(send, rig.port)
    (mail,) = rig.policy.taken
    assert mail.content == b"Subject: Hi\r\n\r\n.dot\r\n"
    assert mail.peer.user == "panel"


def swaks() -> str:
    """The program, or a skip; on the build server it must be there."""
    found = shutil.which("swaks")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("swaks is not installed")
        pytest.skip("swaks is not installed")
    return found


@pytest.mark.parametrize("protection", ["--tls", "--tls-on-connect"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
async def test_swaks_logs_in_and_sends(certificates: Certificates, protection: str, mechanism: str) -> None:
    program = swaks()
    policy = Recorder(users={b"panel": b"hunter2"})
    async with Rig(policy, context=certificates.server, modes=BOTH) as rig:
        port = rig.listener.ports[protection == "--tls-on-connect"]
        options = ["--server", "127.0.0.1", "--port", str(port), "--from", SENDER, "--to", SWAKS_RECIPIENT]
        options += [protection, "--auth", mechanism, "--auth-user", "panel", "--auth-password", "hunter2"]
        status, said = await run(program, *options, "--pipeline", "--helo", "panel.example.com")
        assert status == 0, said
    assert policy.taken[0].peer.user == "panel"
    assert policy.taken[0].recipients == [(SWAKS_RECIPIENT, {})]


async def test_swaks_in_plain_text_pipelines_and_quits(certificates: Certificates) -> None:
    program = swaks()
    async with Rig() as rig:
        options = ["--server", "127.0.0.1", "--port", str(rig.port), "--from", "<>", "--to", SWAKS_RECIPIENT]
        status, said = await run(program, *options, "--pipeline", "--helo", "panel.example.com")
        assert status == 0, said
        assert "250 2.0.0 queued as 1" in said
    assert rig.policy.taken[0].sender == ""


async def run(*command: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode(errors="replace")


async def test_row_12_a_client_that_does_not_read_is_cut_off_under_tls_too(certificates: Certificates) -> None:
    limits = Limits(write_timeout=0.3, max_idle_commands=10**9)
    async with Rig(limits=limits, context=certificates.server, modes=()) as rig:
        small = socket.create_server(("127.0.0.1", 0))
        small.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await rig.listener.adopt(small, "implicit")
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.connect(small.getsockname())
        await asyncio.to_thread(_babble, deaf, certificates.client)
        await until(lambda: not rig.listener.sessions)


def _babble(deaf: socket.socket, context: ssl.SSLContext) -> None:
    deaf.settimeout(20)
    with context.wrap_socket(deaf, server_hostname="localhost") as client:
        client.recv(100)
        with contextlib.suppress(ConnectionError, ssl.SSLError):  # but not TimeoutError
            while True:
                client.sendall(b"HELP\r\n" * 100)
