"""The login exchange: by hand, by smtplib and by swaks (reliability.md, 2.B 34-38)."""

import asyncio
import io
import os
import shutil
import smtplib
import threading
import time
from dataclasses import replace
from pathlib import Path

import argon2
import pytest

from bridge.proof.lockout import FAILURES, WINDOW
from bridge.proof.logins import HASHES_AT_ONCE, MOST_WAITING
from bridge.smtpd import replies
from bridge.smtpd.auth import NoLogin, decode, split_plain
from bridge.smtpd.contract import Reply
from tests.smtpd.conftest import Certificates
from tests.smtpd.login import BOTH, NAME, PASSWORD, PLAIN, Hashing, b64, house, plain, secured, user, users
from tests.smtpd.raw import QUICK, RECIPIENT, SENDER, Recorder, Rig
from tests.wait import until

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


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> Hashing:
    return Hashing(monkeypatch)


async def test_row_34_an_address_is_locked_after_ten_failures(
    certificates: Certificates, tmp_path: Path, hashing: Hashing, stream: io.StringIO
) -> None:
    async with house(tmp_path, certificates) as door:
        for number in range(FAILURES):
            answer = await door.login(b"guessed" if number % 2 else NAME, b"hunter%d" % number)
            assert answer == "535 5.7.8 authentication credentials invalid"
        assert len(hashing.worked_on) == FAILURES
        for password in (b"hunter", PASSWORD):
            client = await door.client()
            assert await client.say(plain(NAME, password)) == "421 4.7.0 too many failed logins, closing connection"
            assert await client.rest() == b""
        assert len(hashing.worked_on) == FAILURES  # nothing was looked at
        assert (await door.login(NAME, PASSWORD, "127.0.0.3")).startswith("235 ")
        door.now += WINDOW
        assert (await door.login(NAME, PASSWORD)).startswith("235 ")
    logged = stream.getvalue()
    assert logged.count("login locked") == 1
    assert logged.count("login failed") == FAILURES
    assert "hunter" not in logged
    assert "guessed" not in logged
    assert PASSWORD.decode() not in logged


async def test_row_34_who_logged_in_rightly_before_is_not_locked_out_by_a_neighbour(
    certificates: Certificates, tmp_path: Path, hashing: Hashing
) -> None:
    async with house(tmp_path, certificates, known=[user("panel"), user("other")]) as door:
        assert (await door.login(NAME, PASSWORD)).startswith("235 ")
        door.now += 86400.0
        await door.fail(FAILURES, name=NAME)
        made = len(hashing.worked_on)
        assert (await door.login(NAME, PASSWORD)).startswith("235 ")
        assert (await door.login(NAME, b"wrong")).startswith("421 4.7.0 ")
        assert (await door.login(b"other", PASSWORD)).startswith("421 4.7.0 ")  # was never here
        assert len(hashing.worked_on) == made


async def test_row_34_trusted_peers_are_counted_by_name(certificates: Certificates, tmp_path: Path) -> None:
    async with house(tmp_path, certificates, networks=["127.0.0.0/8"]) as door:
        await door.fail(FAILURES, name=b"nobody")
        assert (await door.login(b"nobody", b"guess")).startswith("421 4.7.0 ")
        assert (await door.login(NAME, PASSWORD)).startswith("235 ")


async def test_row_34_many_addresses_cannot_lock_a_user(certificates: Certificates, tmp_path: Path) -> None:
    async with house(tmp_path, certificates) as door:
        for number in range(2 * FAILURES):
            await door.fail(1, f"127.0.1.{number + 1}", NAME)
        assert (await door.login(NAME, PASSWORD)).startswith("235 ")


async def test_row_34_a_wrong_answer_comes_later_each_time(certificates: Certificates, tmp_path: Path) -> None:
    """Only lower bounds: a slow machine makes it later still."""
    limits = replace(QUICK, login_delay=0.05, longest_login_delay=0.2)
    async with house(tmp_path, certificates, limits=limits) as door:
        waited = []
        for _ in range(2):
            client = await door.client()
            for _ in range(2):
                began = time.monotonic()
                assert (await client.say(plain(b"nobody", b"guess"))).startswith("535 ")
                waited.append(time.monotonic() - began)
    for seconds, least in zip(waited, (0.05, 0.1, 0.2, 0.2), strict=True):
        assert seconds > least * 0.95


async def test_row_34_who_waits_for_a_wrong_answer_gives_way(certificates: Certificates, tmp_path: Path) -> None:
    limits = replace(QUICK, login_delay=1000.0, longest_login_delay=1000.0)
    async with house(tmp_path, certificates, limits=limits, total=1) as door:
        guesser = await door.client()
        await guesser.send(plain(b"nobody", b"guess").encode() + b"\r\n")
        (session,) = door.listener.sessions
        await until(lambda: session._failed_logins and session.is_idle, "the guesser waits")
        other = await door.client("127.0.0.3")
        assert await guesser.reply() == "421 4.3.2 idle connection closed to make room"
        assert (await other.say(plain(NAME, PASSWORD))).startswith("235 ")


async def test_row_34_what_is_sent_while_it_waits_is_not_hoarded(certificates: Certificates, tmp_path: Path) -> None:
    limits = replace(QUICK, login_delay=1000.0, longest_login_delay=1000.0)
    async with house(tmp_path, certificates, limits=limits) as door:
        guesser = await door.client()
        await guesser.send(plain(b"nobody", b"guess").encode() + b"\r\n")
        (session,) = door.listener.sessions
        await until(lambda: session._failed_logins and session.is_idle, "the guesser waits")
        guesser.writer.write(b"NOOP\r\n" * 1_000_000)
        assert (await door.login(NAME, PASSWORD, "127.0.0.3")).startswith("235 ")  # so the loop has had its turns
        assert len(session._inbox) < 1024 * 1024
        session.abort()


async def test_row_34_what_was_sent_meanwhile_is_answered_after_it(certificates: Certificates, tmp_path: Path) -> None:
    async with house(tmp_path, certificates, limits=replace(QUICK, login_delay=0.05)) as door:
        client = await door.client()
        await client.send(plain(b"nobody", b"guess").encode() + b"\r\nNOOP\r\n")
        assert (await client.reply()).startswith("535 ")
        assert (await client.reply()).startswith("250 ")
        assert (await client.say(plain(NAME, PASSWORD))).startswith("235 ")


async def test_row_35_a_password_in_plain_text_is_exposed(
    certificates: Certificates, tmp_path: Path, hashing: Hashing, stream: io.StringIO
) -> None:
    async with house(tmp_path, certificates, known=[user("panel"), user("relay", "certificate")]) as door:
        client = await door.client(tls=False)
        assert "AUTH" not in await client.say("EHLO x")
        for name in (NAME, b"hunter", b"relay", b"\xff", NAME):
            assert await client.say(plain(name, PASSWORD)) == "538 5.7.11 encryption required for authentication"
        for line in ("AUTH PLAIN", "AUTH PLAIN !!!", "AUTH PLAIN " + b64(b"no zeros"), "AUTH LOGIN " + b64(NAME)):
            assert (await client.say(line)).startswith("538 5.7.11 ")
        assert not hashing.worked_on
    (line,) = (line for line in stream.getvalue().splitlines() if "exposed" in line)
    assert "password exposed" in line
    assert "user=panel" in line
    assert "peer=127.0.0.2" in line
    assert PASSWORD.decode() not in stream.getvalue()
    assert "hunter" not in stream.getvalue()
    assert PLAIN not in stream.getvalue()


async def test_row_35_whatever_the_answer_a_password_that_was_sent_is_exposed(
    certificates: Certificates, tmp_path: Path, stream: io.StringIO
) -> None:
    async with house(tmp_path, certificates) as door:
        client = await door.client(tls=False)
        assert (await client.say("RSET")).startswith("250 ")
        assert (await client.say("MAIL FROM:<anna@example.org>")).startswith("250 ")
        assert (await client.say("auth plain " + b64(b"other\0" + NAME + b"\0" + PASSWORD))).startswith("503 ")
    assert "user=panel" in stream.getvalue()


async def test_row_37_two_hundred_logins_at_once(certificates: Certificates, tmp_path: Path, hashing: Hashing) -> None:
    inside = HASHES_AT_ONCE + MOST_WAITING
    hashing.gate = threading.Event()
    async with house(tmp_path, certificates, total=300) as door:
        clients = [await door.client(f"127.0.2.{number + 1}") for number in range(200)]
        bystander = await door.client("127.0.0.3")
        logins = [asyncio.create_task(client.say(plain(NAME, PASSWORD))) for client in clients]
        await until(lambda: sum(login.done() for login in logins) == 200 - inside, "the others are told to come again")
        refused = {login.result() for login in logins if login.done()}
        assert refused == {"454 4.7.0 too many logins at once, try again"}
        assert (await bystander.say("NOOP")).startswith("250 ")  # the loop is free, while no hash has been made
        assert len(hashing.worked_on) == hashing.most == HASHES_AT_ONCE
        hashing.gate.set()
        answers = await asyncio.gather(*logins)
        assert sum(answer.startswith("235 ") for answer in answers) == inside
        assert hashing.most == HASHES_AT_ONCE


async def test_row_37_strangers_do_not_crowd_out_who_was_here_before(
    certificates: Certificates, tmp_path: Path, hashing: Hashing
) -> None:
    async with house(tmp_path, certificates) as door:
        assert (await door.login(NAME, PASSWORD, "127.0.0.3")).startswith("235 ")
        door.now += 3600.0
        hashing.gate = threading.Event()
        strangers = [await door.client(f"127.0.2.{number + 1}") for number in range(HASHES_AT_ONCE + MOST_WAITING)]
        tries = [asyncio.create_task(client.say(plain(b"nobody", b"guess"))) for client in strangers]
        await until(lambda: door.logins._inside[False] == len(strangers), "the queue is full")
        assert (await door.login(b"nobody", b"guess", "127.0.0.4")).startswith("454 4.7.0 ")
        mine = asyncio.create_task(door.login(NAME, PASSWORD, "127.0.0.3"))
        await until(lambda: mine.done() or door.logins._inside[True], "it waits, or was sent away")
        hashing.gate.set()
        assert (await mine).startswith("235 ")
        await asyncio.gather(*tries)


@pytest.mark.parametrize("name", [b"nobody", b"", b"\xff\xfe", "größe".encode(), b"relay", b"panel\xff", b"x" * 5000])
async def test_row_38_a_name_nobody_has_costs_the_same(
    certificates: Certificates, tmp_path: Path, hashing: Hashing, name: bytes
) -> None:
    async with house(tmp_path, certificates, known=[user("panel"), user("relay", "certificate")]) as door:
        client = await door.client()
        theirs = await client.say(plain(name, PASSWORD))  # the right one of somebody else
        ours = await client.say(plain(NAME, PASSWORD + b"\xff"))
        assert theirs == ours == "535 5.7.8 authentication credentials invalid"
        one, other = hashing.worked_on
        assert argon2.extract_parameters(one) == argon2.extract_parameters(other)


async def test_row_39_a_login_may_not_send_as_another(certificates: Certificates, tmp_path: Path) -> None:
    async with house(tmp_path, certificates, networks=["127.0.0.0/8"]) as door:  # not even from a trusted network
        client = await door.client()
        assert (await client.say(plain(NAME, PASSWORD))).startswith("235 ")
        for sender in ("chief@example.org", "panel@example.com", "x@panel@example.org"):
            assert (await client.say(f"MAIL FROM:<{sender}>")).startswith("553 5.")
        assert (await client.say("MAIL FROM:<chief@example.org>")).startswith("553 5.7.1 ")
        assert (await client.say("MAIL FROM:<Panel@EXAMPLE.org>")).startswith("250 ")


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
