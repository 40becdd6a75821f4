"""The login exchange: by hand, by smtplib and by swaks (reliability.md, 2.B 34-38)."""

import asyncio
import io
import os
import shutil
import smtplib

import pytest

from bridge.smtpd import replies
from bridge.smtpd.auth import NoLogin, decode, split_plain
from bridge.smtpd.contract import Reply
from tests.smtpd.conftest import Certificates
from tests.smtpd.login import BOTH, NAME, PASSWORD, PLAIN, b64, secured, users
from tests.smtpd.raw import RECIPIENT, SENDER, Recorder, Rig

SWAKS_RECIPIENT = "436600000001@sms.example.com"  # it takes a leading "+" for an option of its own

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


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (b"\0panel\0pw", (b"panel", b"pw")),
        (b"panel\0panel\0pw", (b"panel", b"pw")),
        (b"\0\0", (b"", b"")),
        (b"other\0panel\0pw", replies.WRONG_LOGIN),  # to act for somebody else
        (b"panel\0pw", replies.BAD_BASE64),
        (b"\0panel\0p\0w", replies.BAD_BASE64),
        (b"", replies.BAD_BASE64),
    ],
)
def test_a_plain_message(message: bytes, found: tuple[bytes, bytes] | Reply) -> None:
    if isinstance(found, Reply):
        with pytest.raises(NoLogin) as no:
            split_plain(message)
        assert no.value.reply is found
    else:
        assert split_plain(message) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"cGFuZWw=", b"panel"),
        (b"", b""),
        (b"=", b""),  # RFC 4954 4: the empty initial response
        (None, replies.AUTH_LINE_TOO_LONG),
        (b"*", replies.AUTH_ABORTED),
        (b"cGFuZWw", replies.BAD_BASE64),  # its padding is missing
        (b"cGFu ZWw=", replies.BAD_BASE64),
        (b"\xff\xff\xff\xff", replies.BAD_BASE64),
    ],
)
def test_a_line_of_the_exchange(line: bytes | None, found: bytes | Reply) -> None:
    if isinstance(found, Reply):
        with pytest.raises(NoLogin) as no:
            decode(line)
        assert no.value.reply is found
    else:
        assert decode(line) == found
