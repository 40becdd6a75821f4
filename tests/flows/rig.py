"""A whole bridge to test with: the real daemon, a provider to send through, and one Maildir as everybody's mailbox."""

import mailbox
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage, Message
from email.utils import formatdate
from pathlib import Path
from typing import Any

from bridge.simulator import Simulator, SimulatorSettings
from tests.flows import smtp
from tests.flows.program import Port, Program

PHONE = "436600000001"  # the simulator reports what it gets as delivered
SILENT = "436600000009"  # never reports
LINE = "436600000099"
ANNA, BERND, POSTMASTER = "anna@example.org", "bernd@example.org", "postmaster@example.net"
ADDRESS, SILENT_ADDRESS = "phone@sms.example.com", "silent@sms.example.com"

ROUTES = f"""\
[[route]]
address = "{ADDRESS}"
number = "{PHONE}"
name = "Phone"
allow = ["*@example.org"]
mailbox = "{ANNA}"

[[route]]
address = "{SILENT_ADDRESS}"
number = "{SILENT}"
allow = ["*@example.org"]
mailbox = "{ANNA}"
"""

_BRIDGE = """\
hostname = "bridge.example.com"
processes = {processes}
domains = ["sms.example.com"]
postmaster = "{postmaster}"

[smtpd]
listen = ["127.0.0.1:{smtp}"]
networks = ["127.0.0.0/8"]

[websms]
url = "http://127.0.0.1:{provider}/rest"
token_file = "websms-token"
sender = "{line}"
max_in_flight = {max_in_flight}

[webhook]
listen = ["127.0.0.1:{webhook}"]
secret_file = "webhook-secret"
public_url = "http://127.0.0.1:{webhook}"

[smarthost]
{smarthost}

[limits]
sender = "0"
recipient = "0"
route = "0"
total = "0"

[notices]
collect = "0s"

[console]
listen = ["127.0.0.1:{console}"]
"""


class Bridge(Program):
    """A bridge in a directory of its own."""

    def __init__(
        self,
        place: Path,
        *,
        routes: str = ROUTES,
        smarthost: int | None = None,
        max_in_flight: int = 8,
        processes: int = 1,
    ) -> None:
        """With `smarthost` mail goes to that port on loopback, else into the Maildir."""
        self._ports = {name: Port() for name in ("smtp", "webhook", "console", "provider")}
        super().__init__(place / "bridge.toml", place / "log", self.port("console"))
        self.place = place
        self.max_in_flight = max_in_flight
        self.token, self.secret = secrets.token_urlsafe(24), secrets.token_hex(24)
        way_out = 'maildir = "Maildir"'
        if smarthost is not None:
            way_out = f'host = "127.0.0.1"\nport = {smarthost}\ntls = "none"'
        numbers = {name: port.number for name, port in self._ports.items()}
        self.config.write_text(
            _BRIDGE.format(
                postmaster=POSTMASTER,
                line=LINE,
                max_in_flight=max_in_flight,
                smarthost=way_out,
                processes=processes,
                **numbers,
            ),
            encoding="utf-8",
        )
        self.write_routes(routes)
        self.write_token(self.token)
        self._private("webhook-secret", self.secret)

    def port(self, name: str) -> int:
        """Of "smtp", "webhook", "console" and of the "provider"."""
        return self._ports[name].number

    @property
    def webhook(self) -> str:
        """Where the provider notifies."""
        return f"http://127.0.0.1:{self.port('webhook')}/websms/{self.secret}"

    @property
    def mails(self) -> list[Message]:
        """What arrived in the Maildir, in the order of arrival."""
        found = [(file.stat().st_mtime_ns, file) for file in (self.place / "Maildir" / "new").glob("*")]
        return [mailbox.MaildirMessage(file.read_bytes()) for _, file in sorted(found)]

    def mails_to(self, address: str) -> list[Message]:
        """Those for one mailbox."""
        return [mail for mail in self.mails if mail["Delivered-To"] == address]

    def write_routes(self, routes: str) -> None:
        """Takes effect with the next start or reload."""
        (self.place / "routes.toml").write_text(routes, encoding="utf-8")

    def write_token(self, token: str) -> None:
        """The provider's access token; takes effect with the next start or reload."""
        self._private("websms-token", token)

    async def post(self, mail: EmailMessage, *recipients: str, sender: str = ANNA) -> str:
        """Send a mail; its id. Fails unless it is taken."""
        return queue_id(await self.reply(mail, *recipients, sender=sender))

    async def reply(self, mail: EmailMessage, *recipients: str, sender: str = ANNA) -> str:
        """Send a mail; the reply."""
        return await smtp.post(self.port("smtp"), sender, recipients or [ADDRESS], bytes(mail))

    def close(self) -> None:
        """End what still runs and give the ports back."""
        super().close()
        for port in self._ports.values():
            port.close()

    def _private(self, name: str, content: str) -> None:
        path = self.place / name
        path.write_text(content + "\n", encoding="ascii")
        path.chmod(0o600)


@asynccontextmanager
async def running(
    place: Path, *, start: bool = True, simulated: dict[str, Any] | None = None, **changes: Any
) -> AsyncIterator[tuple[Bridge, Simulator]]:
    """A bridge and its provider, both up; `changes` are the keywords of `Bridge`."""
    under_test = Bridge(place, **changes)
    settings: dict[str, Any] = {
        "tokens": (under_test.token,),
        "notify_url": under_test.webhook,
        "default_sender": LINE,
        "retry_delays": (0.2, 0.2, 0.5),
        "retry_every": 0.5,
        "accept_log": str(place / "accepted"),
        "strict": True,
    }
    simulator = Simulator(SimulatorSettings(**(settings | (simulated or {}))))
    try:
        await simulator.start("127.0.0.1", under_test.port("provider"))
        if start:
            under_test.start()
            await under_test.ready()
        yield under_test, simulator
    finally:
        under_test.close()
        await simulator.stop()


def letter(text: str, **headers: str) -> EmailMessage:
    """An ordinary mail; give headers with ``_`` for ``-``, and ``Message_ID=""`` for none."""
    mail = EmailMessage()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    standard = {
        "From": ANNA,
        "To": ADDRESS,
        "Date": formatdate(localtime=True),
        "Message-ID": f"<{secrets.token_hex(12)}@example.org>",
    }
    for name, value in (standard | given).items():
        if value:
            mail[name] = value
    mail.set_content(text)
    return mail


def words(mail: Message) -> str:
    """The text of a mail that the bridge wrote."""
    body = next(part for part in mail.walk() if part.get_content_type() == "text/plain").get_payload(decode=True)
    assert isinstance(body, bytes)
    return body.decode("utf-8").strip()


def queue_id(reply: str) -> str:
    """The id in a 250; fails on every other reply."""
    assert reply.startswith("250 2.0.0 "), reply
    return reply.rpartition(" ")[2]
