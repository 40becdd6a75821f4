r"""Plays tests/dialogs/*.txt against the real door: real sockets, the real policy, the real SQLite spool.

A file holds dialogues, each of which begins with ``=== name``. Then comes the header, then the session, and at the end
what must be in the spool. Empty lines and lines that begin with ``#`` say nothing.

Header, all of it optional::

    row: 4 20             rows of the list of threats (reference/reliability.md) that it is a test of
    start: connected      nothing has been said yet; or `early` (the first lines leave before the server can greet),
                          `greeted` (the default: greeting and EHLO are done), `secured` (TLS and EHLO too),
                          `logged-in` (as the user `panel`, whose addresses are panel@example.org and
                          *@alarms.example.org)
    mode: starttls        of the listener: or `plain`, `implicit`, `legacy`
    trusted: no           the client is not in [smtpd] networks (else it is)
    tls: yes              the server has a certificate
    require-tls: yes      [smtpd] require_tls
    users: yes            there is a users file
    rows: named           the routing table without its pattern *@sms.example.com
    session: a=1 b=2      `bridge.smtpd.contract.Limits` by name
    rates: recipient=2/60 [limits]: two in sixty seconds
    full: yes             the queue is full
    secret: here          [websms_mail] is set up, and this client is the provider; `elsewhere`: it is not
    pieces: all 1         played once as it is and once with all that the client says cut into pieces of one octet

Session::

    C: MAIL FROM:<a@b>    the client says a line; lines that stand together leave in one write
    C*100: NOOP           a hundred of them
    C> octets             the same without CRLF
    S: 250 2.1.0 OK       the server's next line, verbatim; `*` stands for anything
    S*100: 250 2.0.0 OK   a hundred of them
    ! flush               what was said before leaves in a write of its own
    ! starttls            the TLS handshake
    ! half-close          the client will say no more, and listens
    ! hang-up             the client is gone
    ! closed              the server must have closed the connection and said nothing more
    ! connect             a new connection; its greeting is still to come
    ! turn 60             sixty seconds later
    ! full no             the queue has room again

In what the client says ``\r \n \t \0 \\ \xHH`` are octets, ``{A*600}`` is 600 times A, ``{b64 text}`` is base64, and
``{plain}``, ``{wrong}``, ``{name}``, ``{password}`` are what the user says to log in.

End: ``stored: 1`` counts mails, ``sms: +436600000001 "text"`` is each SMS and ``mail: to@example.com "its end"`` each
mail in the spool, in their order; there must be no other ones.

A session that is still open after its last line is ended by QUIT, and the answer must be the next that comes: so
nothing may be said that was not expected, and nobody may have hung up.
"""

import asyncio
import contextlib
import io
import re
import socket
from collections.abc import Awaitable, Callable
from itertools import groupby, takewhile
from pathlib import Path

import pytest
import uvloop

from bridge.message import Channel
from tests.dialogs import script
from tests.dialogs.script import Act, Dialogue, Hear, Misspelt, Say
from tests.dialogs.stage import USER, Stage, fresh_loggers, password, staged
from tests.smtpd.conftest import Certificates
from tests.smtpd.login import b64
from tests.smtpd.raw import Raw

DIALOGUES = script.dialogues()
MAX_REPLY = 512  # octets, RFC 5321 4.5.3.1.5

KNOWN = {
    "plain": b64(f"\0{USER}\0{password()}".encode()).encode(),
    "wrong": b64(f"\0{USER}\0not it".encode()).encode(),
    "name": b64(USER.encode()).encode(),
    "password": b64(password().encode()).encode(),
}


class Player:
    """Plays one dialogue's client."""

    def __init__(self, dialogue: Dialogue, stage: Stage, certificates: Certificates) -> None:
        self._dialogue = dialogue
        self._steps = list(dialogue.steps)
        self._stage = stage
        self._context = certificates.client
        self._implicit = dialogue.settings.get("mode") == "implicit"
        pieces = dialogue.settings["pieces"]
        self._pieces = 0 if pieces == script.WHOLE else int(pieces)
        self._client: Raw
        self._said = b""  # last
        self._ended = False  # the connection is closed, by whomever
        self._acts: dict[str, Callable[[str], Awaitable[None]]] = {
            "starttls": self._starttls,
            "half-close": self._half_close,
            "hang-up": self._hang_up,
            "closed": self._closed,
            "connect": self._connect,
            "flush": self._flush,
            "turn": self._turn,
            "full": self._full,
        }

    async def play(self) -> None:
        """From the first line to the last, and QUIT where the script leaves the session open."""
        await self._begin(self._dialogue.settings.get("start", "greeted"))
        try:
            for is_speech, steps in groupby(self._steps, lambda step: isinstance(step, Say)):
                if is_speech:
                    await self._say(
                        b"".join(script.octets(step.octets, KNOWN) for step in steps if isinstance(step, Say))
                    )
                    continue
                for step in steps:
                    await (self._hear(step) if isinstance(step, Hear) else self._act(step))
            if not self._ended:
                await self._say(b"QUIT\r\n")
                await self._hear(Hear("221 2.0.0 Bye"))
                await self._closed("")
        finally:
            await self._client.close()

    async def _begin(self, start: str) -> None:
        if start == "early":
            return await self._begin_early()
        await self._connect("")
        if start == "connected":
            return None
        await self._hear(Hear("220 mx.example.com ESMTP"))
        await self._introduce()
        if start in ("secured", "logged-in") and not self._implicit:
            await self._client.start_tls(self._context)
            await self._introduce()
        if start == "logged-in":
            assert await self._client.say(b"AUTH PLAIN " + KNOWN["plain"]) == "235 2.7.0 Authentication successful"
        return None

    async def _introduce(self) -> None:
        assert (await self._client.say("EHLO client.example.com")).startswith("250-mx.example.com\n250-")

    async def _begin_early(self) -> None:
        """Connects and speaks while the loop stands still, so that the server finds the words with the connection."""
        early = socket.create_connection(("127.0.0.1", self._stage.port))
        first = list(takewhile(lambda step: isinstance(step, Say), self._steps))
        del self._steps[: len(first)]
        early.sendall(b"".join(script.octets(step.octets, KNOWN) for step in first if isinstance(step, Say)))
        early.setblocking(False)
        self._client = Raw(*await asyncio.open_connection(sock=early))

    async def _say(self, octets: bytes) -> None:
        self._said = octets
        if not self._pieces:
            return await self._client.send(octets)
        for at in range(0, len(octets), self._pieces):
            await self._client.send(octets[at : at + self._pieces])
            await asyncio.sleep(0)  # the server, on the same loop, gets the piece
        return None

    async def _hear(self, expected: Hear) -> None:
        said = await asyncio.wait_for(self._client.reader.readline(), 20)
        assert said, f"the server hung up instead of: {expected.line}"
        assert said.endswith(b"\r\n")
        assert len(said) <= MAX_REPLY
        line = said[:-2].decode("ascii")
        assert line.isprintable()
        assert expected.matches(line), f"expected: {expected.line}\nsaid:     {line}\nafter:    {self._said[-200:]!r}"

    async def _act(self, act: Say | Act) -> None:
        assert isinstance(act, Act)
        await self._acts[act.name](act.argument)

    async def _starttls(self, _: str) -> None:
        await asyncio.wait_for(self._client.writer.start_tls(self._context, server_hostname="localhost"), 20)

    async def _half_close(self, _: str) -> None:
        self._client.writer.write_eof()

    async def _hang_up(self, _: str) -> None:
        await self._client.close()
        self._ended = True

    async def _closed(self, _: str) -> None:
        assert await self._client.rest() == b""
        self._ended = True

    async def _connect(self, _: str) -> None:
        with contextlib.suppress(AttributeError):
            await self._client.close()
        self._client = await Raw.connect(self._stage.port, self._context if self._implicit else None)
        self._ended = False

    async def _flush(self, _: str) -> None:
        for _turn in range(3):
            await asyncio.sleep(0)

    async def _turn(self, seconds: str) -> None:
        self._stage.now += float(seconds)

    async def _full(self, word: str) -> None:
        self._stage.full = word == "yes"


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: f"{dialogue.place} {dialogue.name}")
async def test_dialogue(
    dialogue: Dialogue,
    certificates: Certificates,
    stream: io.StringIO,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh_loggers(monkeypatch)
    await perform(dialogue, certificates, tmp_path)
    log = stream.getvalue()
    assert "session failed" not in log, "a mistake of ours"
    for secret in (password(), KNOWN["plain"].decode(), KNOWN["password"].decode()):
        assert secret not in log


async def perform(dialogue: Dialogue, certificates: Certificates, folder: Path) -> None:
    """Plays a dialogue and looks into the spool."""
    async with staged(folder, dialogue.settings, certificates) as stage:
        await Player(dialogue, stage, certificates).play()
        await stage.is_empty()
        kept = await stage.kept()
        assert await stage.sms() == dialogue.sms
        mails = [item for item in kept if item.channel is Channel.MAIL]
        assert [item.recipient for item in mails] == [recipient for recipient, _ in dialogue.mails]
        for item, (_, end) in zip(mails, dialogue.mails, strict=True):
            assert item.payload.endswith(end.encode()), item.payload[-1000:]
        assert len({item.mail for item in kept}) == dialogue.stored


@pytest.mark.parametrize("file", ["session", "smuggling", "synchronization"])
def test_the_same_under_uvloop(file: str, certificates: Certificates, tmp_path: Path) -> None:
    """On it the daemon runs, and it reads and tells of connections in another order."""

    async def everything() -> None:
        for number, dialogue in enumerate(script.read((script.HERE / f"{file}.txt").read_text("utf-8"), file)):
            folder = tmp_path / str(number)
            folder.mkdir()
            await perform(dialogue, certificates, folder)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(everything())


def test_there_are_enough_of_them() -> None:
    assert len(DIALOGUES) >= 70


@pytest.mark.parametrize(
    "text",
    [
        "C: NOOP\n",  # no name
        "=== x\nC: NOOP\n",  # nothing said of what is stored
        "=== x\nstored: 0\n",  # no session
        "=== x\nC NOOP\nstored: 0\n",
        "=== x\nX: 250\nC: NOOP\nstored: 0\n",
        "=== x\ntrusted yes\nC: NOOP\nstored: 0\n",
        "=== x\nC: NOOP\ntrusted: yes\nstored: 0\n",  # too late
        "=== x\n! dance\nC: NOOP\nstored: 0\n",
        "=== x\nC: NOOP\nstored: none\n",
        '=== x\nC: NOOP\nstored: 1\nsms: 0660 "x"\n',
        "=== x\nC: NOOP\nstored: 1\nsms: +436600000001 x\n",
        "=== x\nC: NOOP\nstored: 0\n=== x\nC: NOOP\nstored: 0\n",
    ],
)
def test_what_is_not_understood_is_no_dialogue(text: str) -> None:
    with pytest.raises(Misspelt, match=re.compile(r"file")):
        script.read(text, "file")


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (r"a\r\n\0\t\\n", b"a\r\n\0\t\\n"),
        (r"\xff\xC3", b"\xff\xc3"),
        ("ä{A*3}b", "äAAAb".encode()),
        (r"{\x00*2}", b"\0\0"),
        (r"{b64 \0a\0b}", b"AGEAYg=="),
        ("AUTH {name}", b"AUTH " + KNOWN["name"]),
        ("{not} an insert {", None),
        ("{NOT} an insert }", b"{NOT} an insert }"),
    ],
)
def test_what_a_line_is_on_the_wire(text: str, made: bytes | None) -> None:
    if made is None:
        with pytest.raises(KeyError):
            script.octets(text, KNOWN)
    else:
        assert script.octets(text, KNOWN) == made


@pytest.mark.parametrize(
    ("line", "said", "fits"),
    [
        ("250 2.1.0 OK", "250 2.1.0 OK", True),
        ("250 2.1.0 OK", "250 2.1.0 OK ", False),
        ("250 2.1.0 OK", "250-2.1.0 OK", False),
        ("250 2.0.0 queued as *", "250 2.0.0 queued as 1abc", True),
        ("250 2.0.0 queued as *", "250 2.0.0 already queued as 1abc", False),
        ("250 2.1.0 OK", "250 2x1.0 OK", False),
    ],
)
def test_a_line_is_compared_verbatim(line: str, said: str, fits: bool) -> None:
    assert Hear(line).matches(said) is fits


@pytest.mark.parametrize(
    "broken",
    [
        "=== x\nC: NOOP\nS: 250 2.0.0 NO\nstored: 0\n",
        "=== x\nC: NOOP\nstored: 0\n",  # an answer nobody expected
        "=== x\nC: NOOP\nS: 250 2.0.0 OK\n! closed\nstored: 0\n",  # it is not
        "=== x\nC: QUIT\nS: 221 2.0.0 Bye\nstored: 0\n",  # it is, and nobody expected it
    ],
)
async def test_a_dialogue_that_goes_another_way_fails(
    broken: str, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.smtpd.raw.PATIENCE", 0.2)
    (dialogue,) = script.read(broken, "file")
    async with staged(tmp_path) as stage:
        with pytest.raises((AssertionError, ConnectionError, TimeoutError)):
            await Player(dialogue, stage, certificates).play()
