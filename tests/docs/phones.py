"""A bridge set up as a recipe says, a simulated provider behind it, and devices that mail as the recipe's device does.

The recipe's addresses stay what they are: each port of the page is one of ours on loopback that believes a PROXY
header, and with that a device says which address of the page it has. Nothing else of the configuration is changed.
"""

import re
import secrets
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.simulator import Simulator, SimulatorSettings
from tests.docs import setup
from tests.docs.pages import Block
from tests.flows.program import Port, Program
from tests.wait import PATIENCE

_NAME = "sms.example.com"
MAIL = Path(__file__).parent / "mail"
_USER = re.compile(r"^smsbridge user add ([\w.-]+) (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A mail of tests/docs/mail, and how it comes in."""

    name: str
    port: int  # of the page
    peer: str  # the device's address
    sender: str  # of the envelope
    to: str
    login: str = ""  # the user, over TLS
    tls: str = "starttls"  # or "implicit"; only with a login
    signed: str = ""  # the domain whose DKIM signature it has
    bare: bool = False  # its lines end with LF alone

    @property
    def content(self) -> bytes:
        """The mail with the line ends it has on the wire."""
        raw = (MAIL / f"{self.name}.eml").read_bytes()
        return raw if self.bare else raw.replace(b"\n", b"\r\n")


class Recipe(Program):
    """A bridge made of a page's blocks."""

    def __init__(self, place: Path, made: list[Block], **more: dict[str, Any]) -> None:
        """`more` are settings over those of the page, by section."""
        self._held = {name: Port() for name in ("webhook", "console", "provider")}
        super().__init__(place / "bridge.toml", place / "log", self.port("console"))
        self.place = place
        self.token = secrets.token_urlsafe(24)
        self.passwords: dict[str, str] = {}
        users = users_of(made)
        whole = setup.document(block for block in made if block.mark == "bridge.toml")
        whole["smtpd"]["listen"] = [self._near(entry) for entry in whole["smtpd"]["listen"]]
        whole["websms"]["url"] = f"http://127.0.0.1:{self.port('provider')}/rest"
        whole["webhook"] |= {"listen": [f"127.0.0.1:{self.port('webhook')}"]}
        whole["console"] = {"listen": [f"127.0.0.1:{self.port('console')}"]}
        whole["smarthost"] = {"maildir": "Maildir"}
        for section, values in more.items():
            whole[section] |= values
        self.passwords |= {name: secrets.token_urlsafe(12) for name in users}
        proven = {name: (self.passwords[name], may) for name, may in users.items()}
        routes = "\n".join(block.text for block in made if block.mark == "routes.toml")
        setup.write(place, whole, routes, proven)
        token = place / "websms-token"
        token.write_text(self.token, encoding="ascii")

    def port(self, name: str) -> int:
        """Of "webhook", "console", "provider", or one of the page's by its number there."""
        return self._held[name].number

    def close(self) -> None:
        """End it, and give the ports back."""
        super().close()
        for port in self._held.values():
            port.close()

    def post(self, sample: Sample, content: bytes) -> str:
        """Mail it as its device does; the last reply."""
        trust = ssl.create_default_context(cafile=setup.authority(self.place))
        client = _Device(sample.peer, trust if sample.login and sample.tls == "implicit" else None)
        client.connect("127.0.0.1", self.port(str(sample.port)))
        with client:
            if sample.login:
                if sample.tls == "starttls":
                    client.starttls(context=trust)
                client.login(sample.login, self.passwords[sample.login])
            client.ehlo_or_helo_if_needed()
            for said in (client.mail(sample.sender), client.rcpt(sample.to), client.docmd("DATA")):
                assert said[0] in {250, 354}, said
            lines = re.sub(rb"(?m)^\.", b"..", content)
            assert client.sock is not None
            client.sock.sendall(lines + b"\r\n.\r\n")
            code, text = client.getreply()
        return f"{code} {text.decode()}"

    def _near(self, entry: str | dict[str, Any]) -> dict[str, Any]:
        table = dict(entry) if isinstance(entry, dict) else {"address": entry}
        name = table["address"].rpartition(":")[2]
        self._held[name] = Port()
        return table | {"address": f"127.0.0.1:{self.port(name)}", "proxy": ["127.0.0.1/32"]}


class _Device(smtplib.SMTP):
    """A client that says at first whose connection it is."""

    def __init__(self, peer: str, trust: ssl.SSLContext | None) -> None:
        super().__init__(local_hostname="device.example.com", timeout=PATIENCE)
        self._host = _NAME  # whose certificate it expects
        self._peer = peer
        self._trust = trust

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = socket.create_connection((host, port), timeout)
        connection.sendall(f"PROXY TCP4 {self._peer} 127.0.0.1 50000 {port}\r\n".encode())
        return self._trust.wrap_socket(connection, server_hostname=_NAME) if self._trust else connection


def users_of(made: list[Block]) -> dict[str, tuple[str, ...]]:
    """Whom a page's `smsbridge user add` lets in, and as whom."""
    lines = "\n".join(block.text for block in made if block.language == "sh")
    return {name: tuple(word.strip("'") for word in rest.split() if "@" in word) for name, rest in _USER.findall(lines)}


@asynccontextmanager
async def running(place: Path, made: list[Block], **more: dict[str, Any]) -> AsyncIterator[tuple[Recipe, Simulator]]:
    """The recipe's bridge and its provider."""
    recipe = Recipe(place, made, **more)
    settings: dict[str, Any] = {"tokens": (recipe.token,), "default_sender": "436600000099"}
    simulator = Simulator(SimulatorSettings(**settings))
    try:
        await simulator.start("127.0.0.1", recipe.port("provider"))
        recipe.start()
        await recipe.ready()
        yield recipe, simulator
    finally:
        recipe.close()
        await simulator.stop()
