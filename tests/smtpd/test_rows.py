"""The list of threats that the mail door answers, each with a test named after it; and those that had none elsewhere.

`ROWS` are the rows of reference/reliability.md in a few words. A row is tested by functions called
``test_row_<N>_<what>``, wherever they stand, and by dialogues in tests/dialogs that name it in their header.
"""

import ast
import asyncio
import io
import itertools
import random
import re
import socket
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from bridge import config
from bridge.config import LimitsSettings
from bridge.message import StoreUnavailable
from bridge.routing import Allow
from bridge.smtpd.contract import Limits, Reply
from bridge.smtpd.listener import Listener
from tests.config import setup
from tests.dialogs import script
from tests.dialogs.stage import OWNED, Stage, fresh_loggers, staged
from tests.flows.rig import ADDRESS, ANNA, LINE, PHONE, Bridge, letter, running, words
from tests.flows.smtp import Client
from tests.given import ANNA as ANNAS_ROW
from tests.given import DOMAIN, configuration
from tests.smtpd.conftest import Certificates
from tests.smtpd.login import PLAIN, secured, users
from tests.smtpd.raw import QUICK, RECIPIENT, SENDER, Raw, Recorder, Rig, babble
from tests.smtpd.test_protocol import resident
from tests.wait import PATIENCE, until, until_async

ROWS = {
    1: "DATA without line ends, or far beyond the limit",
    2: "SIZE above the limit",
    3: "lines over 998 octets",
    4: "bare LF or CR in DATA: smuggling",
    5: "NUL in commands or DATA",
    6: "commands before 220 or before our reply to STARTTLS or DATA",
    7: "plain text injected before TLS",
    8: "STARTTLS twice, after AUTH, without a certificate",
    9: "MAIL before required TLS",
    10: "a TLS handshake that stalls",
    11: "one octet every ten seconds",
    12: "a client that never reads",
    13: "a flood of connections",
    14: "descriptors used up",
    15: "a flood of errors",
    16: "a flood of NOOP, RSET, VRFY",
    17: "too many recipients",
    18: "parameters of MAIL and RCPT",
    19: "addresses that are none",
    20: "addresses beyond ASCII",
    21: "relaying",
    22: "our domain, but no route or no number",
    23: "VRFY, EXPN, HELP",
    24: "postmaster and abuse",
    25: "the null sender",
    26: "an exception in our code",
    27: "a client gone between dot and reply",
    28: "half-close",
    29: "two mails on one connection, an error in the first",
    30: "PROXY from a peer that is no proxy",
    31: "overload, a full queue",
    32: "what banner and EHLO tell",
    33: "open by mistake",
    34: "password guessing",
    35: "AUTH without TLS",
    36: "mechanisms in lower case, implicit TLS",
    37: "the cost of hashes",
    38: "timing that tells users apart",
    39: "a login that sends as another",
    40: "a forged sender from an open network",
    41: "SPF, DKIM, DMARC",
    42: "From with two or no addresses",
    43: "forged Authentication-Results",
    44: "libraries that raise on bad mail",
    45: "a forged sender number of an SMS",
    57: "numbers outside the allowed countries",
    58: "premium, satellite, emergency and short numbers",
    59: "odd digits",
    60: "a device or loop gone wild",
    63: "one number twice in a mail",
    64: "test = true left on",
    116: "vacation replies",
    117: "alarms that look automatic",
    118: "bounces and reports",
    119: "mail loops",
    120: "ping-pong with a phone's auto-responder",
    121: "backscatter of our own notices",
}

TESTS = Path(__file__).parents[1]
_NAME = re.compile(r"test_row_(\d+)_(?!of_the_defects)")

MIB = 1024 * 1024


def _by_row() -> dict[int, list[str]]:
    """Row by row the functions and dialogues that test it."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (match := _NAME.match(node.name)):
                found[int(match[1])].append(f"{path.stem}.{node.name}")
    for dialogue in script.dialogues():
        for row in dialogue.rows:
            found[row].append(dialogue.place)
    return found


def test_every_row_has_a_test_of_its_name() -> None:
    found = _by_row()
    assert {row: ROWS[row] for row in sorted(ROWS) if not found[row]} == {}


def test_dialogues_name_rows_that_exist() -> None:
    assert {one.place: one.rows for one in script.dialogues() if not set(one.rows) <= set(ROWS)} == {}


# Floods of octets, of silence, of connections.


async def test_row_1_64_mib_without_line_ends_do_not_fill_the_memory() -> None:
    piece = b"x" * 65536
    most = 0
    async with Rig() as rig:
        base = 0
        for connection in range(17):
            client = await rig.greeted()
            await client.envelope()
            await client.say("DATA")
            sent = 0
            with suppress(ConnectionError):
                while True:
                    await client.send(piece)
                    sent += len(piece)
                    most = max(most, resident() - base)
            assert sent > 4 * MIB
            await client.close()
            if connection == 0:  # the first one is no growth: the process gets its buffers
                base, most = resident(), 0
        assert most < 5 * MIB
    assert not rig.policy.taken


async def test_rows_10_to_17_the_figures_are_those_of_the_list() -> None:
    limits, listener = Limits(), Listener(terms=Rig().listener.terms)
    assert limits.handshake_timeout == 10
    assert (limits.command_timeout, limits.data_timeout, limits.data_rate, limits.crowded_timeout) == (
        300,
        300,
        500,
        1,  # the list says 10: in a full house of slow mails strangers would wait so long
    )
    assert limits.write_timeout == 30
    assert (listener.per_address, listener.total) == (20, 200)
    assert (limits.slow_errors, limits.max_errors) == (10, 20)
    assert limits.error_delay > 0
    assert limits.max_idle_commands == 100
    assert limits.max_recipients >= 100
    assert (limits.max_line, limits.max_auth_failures) == (16 * 1024, 3)


@asynccontextmanager
async def _trickling(clients: list[Raw]) -> AsyncIterator[None]:
    """One octet from one of them after the other, all the time."""

    async def trickle() -> None:
        for client in itertools.cycle(clients):
            await client.send(b"x")
            await asyncio.sleep(0.001)

    task = asyncio.create_task(trickle())
    try:
        yield
        assert not task.done(), "the slow ones are still there"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_row_11_two_hundred_slow_clients_and_a_normal_one_is_served_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.listener.total = 1000
        slow = [await Raw.greeted(stage.port) for _ in range(200)]
        for client in slow[:100]:  # half of them in the middle of a mail
            await client.envelope("bernd@example.org", f"anna@{DOMAIN}")
            assert (await client.say("DATA")).startswith("354 ")
        async with _trickling(slow):
            took = []
            for number in range(5):
                began = time.monotonic()
                client = await Raw.greeted(stage.port)
                await client.envelope("bernd@example.org", f"anna@{DOMAIN}")
                await client.say("DATA")
                assert (await client.say(f"Subject: {number}\r\n\r\n.")).startswith("250 2.0.0 queued as ")
                await client.close()
                took.append(time.monotonic() - began)
        for client in slow:
            await client.close()
        await stage.is_empty()
        assert len(await stage.sms()) == 5
        assert min(took) < 1.0, "one of five at least, however busy this machine is"


async def test_row_12_clients_that_never_read_give_their_descriptors_back() -> None:
    limits = replace(QUICK, write_timeout=0.3, max_idle_commands=10**9)
    async with Rig(limits=limits) as rig:
        ((_, place),) = rig.listener._places
        for acceptor in place:
            acceptor.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        before = _descriptors()
        await asyncio.gather(*(_deaf(rig.port) for _ in range(15)))
        await until(lambda: not rig.listener.sessions, "all are cut off")
        await until(lambda: _descriptors() <= before, "the descriptors are back")


async def _deaf(port: int) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.setblocking(False)
        await loop.sock_connect(deaf, ("127.0.0.1", port))
        with suppress(ConnectionError):
            await asyncio.wait_for(babble(lambda octets: loop.sock_sendall(deaf, octets)), PATIENCE)


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


OURS = "127.0.0.2"
TRUSTED = (ip_network(f"{OURS}/32"),)
TOO_MANY = b"421 4.7.0 too many connections, try again later\r\n"
WELCOME = b"220 mx.example.com ESMTP\r\n"


async def _from(address: str, rig: Rig) -> tuple[Raw, bytes]:
    """A client at another loopback address, and the first that it hears."""
    client = Raw(*await asyncio.open_connection("127.0.0.1", rig.port, local_addr=(address, 0)))
    rig.clients.append(client)
    try:
        return client, await asyncio.wait_for(client.reader.readline(), PATIENCE)
    except ConnectionError:
        return client, b""


async def _sends(client: Raw) -> None:
    assert (await client.say("EHLO ours.example.com")).startswith("250-")
    assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")


async def test_row_13_two_thousand_connections_of_one_address() -> None:
    async with Rig(trusted=TRUSTED) as rig:
        heard: Counter[bytes] = Counter()
        for _ in range(20):
            clients = await asyncio.gather(*(_from("127.0.0.1", rig) for _ in range(100)))
            heard.update(line for _, line in clients)
            for client, line in clients:
                if line == TOO_MANY:
                    assert await client.rest() == b""
                    await client.close()
            assert len(rig.listener.sessions) == 20
        assert heard == {WELCOME: 20, TOO_MANY: 1980}
        neighbour, line = await _from("127.0.0.3", rig)
        assert line == WELCOME
        await _sends(neighbour)
        ours, line = await _from(OURS, rig)
        assert line == WELCOME
        await _sends(ours)


async def test_row_13_two_thousand_connections_of_a_hundred_addresses() -> None:
    async with Rig(trusted=TRUSTED) as rig:
        idle, line = await _from(OURS, rig)
        assert line == WELCOME
        earlier: list[Raw] = []
        for wave in range(10):
            addresses = [f"127.1.{wave}.{number}" for number in range(1, 11) for _ in range(20)]
            clients = await asyncio.gather(*(_from(address, rig) for address in addresses))
            assert {line for _, line in clients} <= {WELCOME, TOO_MANY, b""}
            for client in earlier:
                await client.close()
            earlier = [client for client, _ in clients]
            assert sum(session.dismissal is None for session in rig.listener.sessions) <= 200
        ours, line = await _from(OURS, rig)
        assert line == WELCOME, "a newcomer of ours gets in"
        await _sends(ours)
        await _sends(idle)  # and who was idle and ours was not told to go


async def test_row_13_a_house_full_of_mails_being_sent_has_ten_places_for_our_own() -> None:
    async with Rig(trusted=TRUSTED, total=20) as rig:
        for number in range(20):
            client, line = await _from(f"127.1.0.{number + 1}", rig)
            assert line == WELCOME
            await client.say("EHLO x")
            await client.envelope()
            await client.say("DATA")
        assert (await _from("127.1.1.1", rig))[1] == TOO_MANY
        for _ in range(10):
            ours, line = await _from(OURS, rig)
            assert line == WELCOME
        await _sends(ours)
        assert (await _from("127.1.1.1", rig))[1] == TOO_MANY
        for client in rig.clients:
            await client.close()


async def test_row_15_nonsense_of_every_kind_ends_soon(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_loggers(monkeypatch)
    chance = random.Random(15)
    verbs = [b"", b"MAIL", b"RCPT", b"DATA", b"AUTH", b"STARTTLS", b"EXPN", b"\xff", b"GET", b"MAIL FROM:<", b"BDAT 1"]
    async with Rig() as rig:
        for _ in range(60):
            client = await rig.greeted()
            lines = [
                chance.choice(verbs) + b" " * chance.randrange(2) + chance.randbytes(chance.randrange(40))
                for _ in range(60)
            ]
            # What ends DATA is not among them, and none of them can begin it.
            nonsense = [line.replace(b"\n", b"").replace(b"\r", b"") for line in lines]
            heard = []
            for line in nonsense:
                heard.append(await client.say(line))
                if heard[-1].startswith("421 "):
                    break
            assert heard[-1] == "421 4.7.0 too many errors, closing connection"
            assert sum(line[:1] == "5" for line in heard) == 19
            assert await client.rest() == b""
            await client.close()
    assert "session failed" not in stream.getvalue()
    assert not rig.policy.taken


async def test_row_17_a_hundred_recipients_are_no_trouble(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        phones = [f"4366000001{number:02}" for number in range(100)]
        client = await Raw.greeted(stage.port)
        assert await client.say("MAIL FROM:<bernd@example.org>") == "250 2.1.0 OK"
        await client.send(b"".join(f"RCPT TO:<+{phone}@{DOMAIN}>\r\n".encode() for phone in phones))
        assert {await client.reply() for _ in phones} == {"250 2.1.5 OK"}
        assert (await client.say("DATA")).startswith("354 ")
        assert (await client.say("Subject: x\r\n\r\n.")).startswith("250 2.0.0 queued as ")
        await client.close()
        assert await stage.sms() == [(phone, "x") for phone in phones]


# What breaks on our side.


FAILURE = "451 4.3.0 temporary failure, try again later"


@pytest.mark.parametrize(
    ("method", "said", "after"),
    [
        ("mail", [f"MAIL FROM:<{SENDER}>"], f"RCPT TO:<{RECIPIENT}>"),
        ("rcpt", [f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>"], f"RCPT TO:<{RECIPIENT}>"),
        ("data", [f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>", "DATA", "Hi\r\n."], f"RCPT TO:<{RECIPIENT}>"),
    ],
)
async def test_row_26_whatever_breaks_is_a_451_and_an_alert(
    method: str, said: list[str], after: str, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh_loggers(monkeypatch)
    policy = Recorder(broken={method})
    async with Rig(policy) as rig:
        client = await rig.greeted()
        heard = [await client.say(line) for line in said]
        assert heard[-1] == FAILURE
        assert await client.say(after) == "503 5.5.1 bad sequence of commands"
        policy.broken.clear()
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
    assert len(policy.taken) == 1
    (alert,) = [line for line in stream.getvalue().splitlines() if "session failed" in line]
    assert "error" in alert
    assert "secret detail" in stream.getvalue(), "the operator reads what it was"


async def test_row_26_a_login_that_breaks_logs_nobody_in(certificates: Certificates) -> None:
    policy = users()
    policy.broken.add("authenticate")
    async with Rig(policy, context=certificates.server) as rig:
        client = await secured(rig, certificates)
        await client.say("EHLO client.example.com")
        assert await client.say(f"AUTH PLAIN {PLAIN}") == FAILURE
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
        assert [mail.peer.user for mail in policy.taken] == [None]
        policy.broken.clear()
        assert (await client.say(f"AUTH PLAIN {PLAIN}")).startswith("235 ")


async def test_row_26_a_store_that_is_away_is_a_451_and_the_next_mail_finds_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path) as stage:
        client = await Raw.greeted(stage.port)

        async def away(*_: object) -> None:
            raise StoreUnavailable("a secret detail")

        with monkeypatch.context() as patch:
            patch.setattr(stage.spool, "accept", away)
            reply = await _mails(client)
        assert reply.startswith("451 4.3.0 ")
        assert "detail" not in reply
        assert (await _mails(client)).startswith("250 2.0.0 queued as ")
        await client.close()
        assert len(await stage.sms()) == 1


async def _mails(client: Raw, sender: str = "bernd@example.org") -> str:
    await client.envelope(sender, f"anna@{DOMAIN}")
    await client.say("DATA")
    return await client.say("Subject: x\r\n\r\n.")


CLOSES = 60


async def test_row_27_closed_after_the_dot_and_sent_again_is_one_sms_each(tmp_path: Path) -> None:
    mails = [letter(f"Alarm {number}") for number in range(CLOSES)]
    async with running(tmp_path) as (bridge, simulator):

        async def post(number: int) -> None:
            await _close_after_the_dot(bridge, bytes(mails[number]), resets=number % 2 == 0)
            reply = await bridge.reply(mails[number])  # as a mail server does that heard nothing
            assert re.fullmatch(r"250 2\.0\.0 (already )?queued as \S+", reply)

        for first in range(0, CLOSES, 10):
            await asyncio.gather(*(post(number) for number in range(first, first + 10)))
        await bridge.drained()
        assert Counter(message.text for message in simulator.messages) == {f"Alarm {n}": 1 for n in range(CLOSES)}


async def _close_after_the_dot(bridge: Bridge, content: bytes, *, resets: bool) -> None:
    client = await Client.connect(bridge.port("smtp"))
    raw = Raw(client.reader, client.writer)
    await raw.envelope(ANNA, ADDRESS)
    await raw.say("DATA")
    await raw.send(content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b".\r\n")
    if resets:
        client.writer.transport.abort()
    await raw.close()


async def test_row_31_a_full_queue_takes_nothing_more_and_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, start=False) as (bridge, simulator):
        port = bridge.port("provider")
        await simulator.stop()
        with bridge.config.open("a", encoding="utf-8") as config_file:
            config_file.write("\n[spool]\nmax_queued = 5\n")
        bridge.start()
        await bridge.ready()
        taken = 0
        async with await Client.connect(bridge.port("smtp")) as client:
            raw = Raw(client.reader, client.writer)
            while (reply := await raw.say(f"MAIL FROM:<{ANNA}>")) == "250 2.1.0 OK":
                assert taken < 100, "it says so some time"
                assert await raw.say(f"RCPT TO:<{ADDRESS}>") == "250 2.1.5 OK"
                assert (await raw.say("DATA")).startswith("354 ")
                assert (await raw.say(f"Subject: {taken}\r\n\r\n.")).startswith("250 2.0.0 queued as ")
                taken += 1
            assert reply == "452 4.3.1 the queue is full, try again later"
            assert taken >= 5
        await simulator.start("127.0.0.1", port)
        await bridge.command("queue", "retry", *(delivery["id"] for delivery in await bridge.queue()))
        await bridge.drained()
        assert sorted(message.text or "" for message in simulator.messages) == sorted(map(str, range(taken)))


async def test_row_31_no_memory_left_for_strangers_is_said_at_connect() -> None:
    async with Rig(trusted=TRUSTED, memory=80_000) as rig:
        client = await rig.greeted()
        await client.envelope()
        await client.say("DATA")
        await client.send(b"a line of a mail\r\n" * 3888 + b"x" * 16)  # 70,000 octets; an eighth is for our own
        await until(lambda: rig.listener.room.held == 70_000, "all of it is kept")
        stranger, line = await _from("127.0.0.1", rig)
        assert line == b"421 4.3.2 overloaded, try again later\r\n"
        assert await stranger.rest() == b""
        ours, line = await _from(OURS, rig)
        assert line == WELCOME
        await _sends(ours)
        await client.close()
        await until(lambda: rig.listener.room.held == 0, "it is given back")
        await _sends((await _from("127.0.0.1", rig))[0])


# Who may send.


@pytest.mark.parametrize(
    "case", ["route-allow-missing", "route-allow-empty", "route-allows-everybody", "everybody-trusted"]
)
def test_row_33_what_would_be_open_is_no_configuration(case: str, tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError) as caught:
        config.load(setup.put(tmp_path, setup.GOOD, setup.BAD / case), {})
    assert all(re.search("nobody|everybody", problem.message) for problem in caught.value.problems)


@pytest.mark.parametrize("settings", [{}, {"trusted": "no"}, {"start": "logged-in"}])
async def test_row_33_a_row_without_allow_lets_nobody_in(settings: dict[str, str], tmp_path: Path) -> None:
    async with staged(tmp_path, settings) as stage:
        stage.configuration = configuration(
            rows=[replace(ANNAS_ROW, allow=Allow())], smtpd=stage.configuration.settings.smtpd
        )
        for sender in (OWNED, "bernd@example.org", "anna@example.com", f"anna@{DOMAIN}", ""):
            assert (await _rcpt(stage, sender)).startswith("550 5.7.1 ")


def test_row_33_nothing_is_open_that_is_not_configured() -> None:
    settings = config.Settings(hostname="x.example.com", domains=(DOMAIN,), postmaster="postmaster@example.com")
    assert settings.mail_authentication.check is False
    assert settings.mail_authentication.relays == ()
    assert settings.smtpd.networks == ()
    assert settings.smtpd.listen[0].host == "127.0.0.1"
    assert settings.websms_mail.address is None
    assert all(rate.count > 0 for rate in (LimitsSettings().sender, LimitsSettings().recipient, LimitsSettings().total))


async def _rcpt(stage: Stage, sender: str, recipient: str = f"anna@{DOMAIN}") -> str:
    client = await Raw.greeted(stage.port)
    assert await client.say(f"MAIL FROM:<{sender}>") == "250 2.1.0 OK"
    reply = await client.say(f"RCPT TO:<{recipient}>")
    await client.close()
    return reply


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "0.0.0.0/1", "::/1", "::ffff:0:0/96"])
def test_row_40_an_envelope_sender_alone_cannot_be_configured_to_be_enough(network: str, tmp_path: Path) -> None:
    path = setup.put(tmp_path, setup.GOOD)
    text = path.read_text(encoding="utf-8")
    changed = text.replace("[smtpd]\n", f'[smtpd]\nnetworks = ["{network}"]\n')
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(config.ConfigError, match="everybody"):
        config.load(path, {})


@pytest.mark.parametrize(
    "sender", ["bernd@example.org", "anna@example.com", f"anna@{DOMAIN}", "postmaster@example.com"]
)
async def test_row_40_who_claims_to_be_somebody_is_nobody(sender: str, tmp_path: Path) -> None:
    async with staged(tmp_path, {"trusted": "no"}) as stage:
        assert (await _rcpt(stage, sender)).startswith("550 5.7.1 ")
        # The same from a peer that is listed.
        stage.configuration = replace(stage.configuration, settings=configuration().settings)
        assert (await _rcpt(stage, "bernd@example.org")) == "250 2.1.5 OK"


async def test_row_45_an_sms_commands_nothing_whoever_it_says_it_is_from(tmp_path: Path) -> None:
    text = "SEND +436600000002 Hallo\nTo: +436600000002@sms.example.com\nSTOP"
    async with running(tmp_path) as (bridge, simulator):
        for phone in (PHONE, LINE, "436600000055"):
            await simulator.incoming(phone=phone, line=LINE, text=text)
        await until(lambda: len(bridge.mails) == 3, "each is a mail")
        assert {words(mail).replace("\r\n", "\n") for mail in bridge.mails} == {text}
        await bridge.drained()
        assert simulator.messages == []
        # Nor does it keep anybody from sending to that phone.
        assert (await bridge.reply(letter("Hallo"))).startswith("250 2.0.0 queued as ")


async def test_row_45_what_a_phone_says_is_no_proof_of_a_mail(tmp_path: Path) -> None:
    async with staged(tmp_path, {"trusted": "no"}) as stage:
        for sender in (f"+{PHONE}@{DOMAIN}", f"{PHONE}@provider.example.net"):
            assert (await _rcpt(stage, sender)).startswith("550 5.7.1 ")


def test_row_26_the_reply_to_a_mistake_of_ours_names_nothing() -> None:
    code, status, text = FAILURE.split(" ", 2)
    assert Reply(int(code), status, text).encode() == f"{FAILURE}\r\n".encode()


async def test_row_26_the_operator_is_told_of_a_mistake_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path) as stage:

        def broken(*_: object, **__: object) -> None:
            raise RuntimeError("a secret detail")

        client = await Raw.greeted(stage.port)
        with monkeypatch.context() as patch:
            patch.setattr("bridge.smtpd.door.compile_intake", broken)
            assert await _mails(client) == FAILURE
            assert await _mails(client) == FAILURE
        await client.close()

        async def told() -> list[str]:
            return [alert.text for alert in await stage.spool.alerts(9)]

        (alert,) = await until_async(told, "the alert")
        assert "session failed" in alert
        assert "detail" not in alert
