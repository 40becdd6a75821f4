"""What `smsbridge demo` does: sets a bridge and a provider up on loopback, and shows a message on its way.

Everything goes through real sockets and the real daemon; only the provider is the simulator.
"""

import asyncio
import contextlib
import json
import mailbox
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage, Message
from email.utils import format_datetime
from pathlib import Path
from typing import TypeVar

import aiosmtplib
import click

from bridge import log
from bridge.console.sources import PhoneSms
from bridge.daemon import Daemon
from bridge.simulator import Simulator, SimulatorSettings

T = TypeVar("T")

PHONE = "436600000001"
LINE = "436600000099"
AUTHOR = "anna@example.org"
ADDRESS = "bernd@sms.example.com"
PATIENCE = 20.0
"""Seconds that a step may take before the demonstration is called failed."""

STEPS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the demonstration listens."""

    smtp: int = 8025
    webhook: int = 8080
    console: int = 8081
    provider: int = 8090
    control: int = 8091


async def demonstrate(*, once: bool, directory: Path | None) -> int:
    """Run it; 0 when everything arrived, else 1."""
    log.configure(level="warning" if once else "info")
    with _place(directory) as place:
        ports = _free_ports() if once else Ports()
        token, secret = secrets.token_urlsafe(24), secrets.token_hex(24)
        config = _write_configuration(place, ports, token, secret)
        webhook = f"http://127.0.0.1:{ports.webhook}/websms/{secret}"
        simulator = Simulator(
            SimulatorSettings(tokens=(token,), senders=(LINE,), notify_url=webhook, default_sender=LINE, strict=True)
        )
        await simulator.start("127.0.0.1", ports.provider, ports.control)
        daemon = Daemon(config, phone=Handset(simulator, place / "Maildir"))
        try:
            await daemon.start()
            _introduce(place, ports, config)
            try:
                await _converse(ports, simulator, place / "Maildir")
            except _Missing as missing:
                click.echo(f"FAILED: {missing}", err=True)
                await daemon.stop()
                return 1
            if once:
                await daemon.stop()
                click.echo("done: mail -> SMS -> report -> answer -> mailbox -> answer by mail")
                return 0
            _invite(ports, config)
            return 0 if await daemon.run() else 1
        finally:
            await simulator.stop()


class Handset:
    """The simulated phone as the console shows it."""

    def __init__(self, simulator: Simulator, maildir: Path) -> None:
        self._simulator = simulator
        self.number = PHONE
        self.maildir = maildir

    def screen(self) -> Sequence[PhoneSms]:
        """See `bridge.console.sources.Phone`."""
        got = [
            PhoneSms(at=one.at, mine=False, text=one.text or "", sender=one.sender)
            for one in self._simulator.messages
            if PHONE in one.recipients
        ]
        written = [
            PhoneSms(at=one.created, mine=True, text=str(one.fields["textMessageContent"]), sender=PHONE)
            for one in self._simulator.notifications
            if "textMessageContent" in one.fields
        ]
        return sorted([*got, *written], key=lambda one: one.at)

    async def write(self, text: str) -> None:
        """See `bridge.console.sources.Phone`."""
        await self._simulator.incoming(phone=PHONE, line=LINE, text=text)


class _Missing(Exception):
    """A step that did not happen."""


async def _converse(ports: Ports, simulator: Simulator, maildir: Path) -> None:
    first = _mail("Rückruf", "Bitte um Rückruf wegen der Lieferung. Preis: 250 €.")
    reply = await _send(ports, first, ADDRESS)
    click.echo(f"1/{STEPS} mail from {AUTHOR} to {ADDRESS}: {reply}")

    sms = await _until(lambda: simulator.messages[0] if simulator.messages else None, "the SMS at the provider")
    click.echo(f"2/{STEPS} SMS at the phone +{PHONE}: {sms.text!r}")

    queue_id = reply.split("queued as ")[1].split()[0]
    await _until(lambda: _reported(simulator), "the handset report")
    click.echo(f"3/{STEPS} the phone reported: delivered (see: smsbridge queue show {queue_id})")

    await simulator.incoming(phone=PHONE, line=LINE, text="Bin in 10 Minuten da. Grüße, Bernd")
    answer = await _until(lambda: _newest(maildir, 1), "the answer in the mailbox")
    click.echo(f"4/{STEPS} the phone's answer in the mailbox of {answer['To']}: {_text(answer)!r}")
    if answer["In-Reply-To"] != first["Message-ID"]:
        raise _Missing(f"the answer does not stand in the thread: In-Reply-To {answer['In-Reply-To']}")
    click.echo(f"5/{STEPS} it stands in the thread of the mail: In-Reply-To {answer['In-Reply-To']}")

    back = _mail(f"Re: {answer['Subject']}", "Danke, bis gleich!")
    back["In-Reply-To"] = answer["Message-ID"]
    back["References"] = " ".join([*answer["References"].split(), answer["Message-ID"]])
    reply_to = str(answer["Reply-To"]).rpartition("<")[2].rstrip(">")
    await _send(ports, back, reply_to)
    sms = await _until(lambda: simulator.messages[1] if len(simulator.messages) > 1 else None, "the second SMS")
    click.echo(f"6/{STEPS} answering that mail sent an SMS back: {sms.text!r}")


async def _send(ports: Ports, mail: EmailMessage, to: str) -> str:
    try:
        _, reply = await aiosmtplib.send(
            mail, sender=AUTHOR, recipients=[to], hostname="127.0.0.1", port=ports.smtp, start_tls=False
        )
    except aiosmtplib.SMTPException as error:
        raise _Missing(f"the mail to {to} was refused: {error}") from error
    return reply


async def _until(look: Callable[[], T | None], what: str) -> T:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        found = look()
        if found is not None:
            return found
        await asyncio.sleep(0.05)
    raise _Missing(f"{what} did not come within {PATIENCE:.0f} s")


def _reported(simulator: Simulator) -> bool | None:
    return any(notification.state == "confirmed" for notification in simulator.notifications) or None


def _newest(maildir: Path, count: int) -> Message | None:
    box = mailbox.Maildir(maildir, create=True)
    return list(box.values())[-1] if len(box) >= count else None


def _text(mail: Message) -> str:
    body = mail.get_payload(decode=True)
    return body.decode("utf-8", "replace").strip() if isinstance(body, bytes) else ""


def _mail(subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = AUTHOR
    mail["To"] = ADDRESS
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{secrets.token_hex(12)}@example.org>"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail.set_content(text)
    return mail


@contextlib.contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        _clear(directory)
        yield directory.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="smsbridge-demo-") as made:
        yield Path(made)


def _clear(directory: Path) -> None:
    """A fresh place: what an earlier demonstration left is removed, what anybody else has there is left alone."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = directory / "bridge.toml"
    if not config.exists():
        if (directory / "Maildir").exists():
            raise click.UsageError(f"{directory} holds a Maildir that the demo did not make; name another directory")
        return
    if not config.read_text(encoding="utf-8", errors="replace").startswith(_MARK):
        raise click.UsageError(f"{config} was not made by the demo; name another directory")
    for left in directory.glob("smsbridge.*"):
        left.unlink()
    shutil.rmtree(directory / "Maildir", ignore_errors=True)


def _free_ports() -> Ports:
    sockets = [socket.socket() for _ in range(5)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        numbers = [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
    smtp, webhook, console, provider, control = numbers
    return Ports(smtp=smtp, webhook=webhook, console=console, provider=provider, control=control)


def _write_configuration(place: Path, ports: Ports, token: str, secret: str) -> Path:
    for name, content in (("websms-token", token), ("webhook-secret", secret)):
        path = place / name
        path.write_text(content + "\n", encoding="ascii")
        path.chmod(0o600)
    (place / "routes.toml").write_text(_ROUTES, encoding="utf-8")
    config = place / "bridge.toml"
    settings = _BRIDGE.format(
        smtp=ports.smtp, webhook=ports.webhook, console=ports.console, provider=ports.provider, line=json.dumps(LINE)
    )
    config.write_text(settings, encoding="utf-8")
    return config


def _introduce(place: Path, ports: Ports, config: Path) -> None:
    click.echo(f"the bridge runs: SMTP 127.0.0.1:{ports.smtp}, webhook {ports.webhook}, console {ports.console}")
    click.echo(f"the provider is a simulator at 127.0.0.1:{ports.provider}, control API {ports.control}")
    click.echo(f"configuration {config}, mailbox {place / 'Maildir'}")


def _invite(ports: Ports, config: Path) -> None:
    click.echo("")
    click.echo("Now you. Send a mail:")
    click.echo(
        "  printf 'Subject: hello\\r\\n\\r\\nhello from curl\\r\\n' | "
        f"curl smtp://127.0.0.1:{ports.smtp} --mail-from {AUTHOR} --mail-rcpt {ADDRESS} --upload-file -"
    )
    click.echo(f"  (or: swaks --server 127.0.0.1:{ports.smtp} --from {AUTHOR} --to {ADDRESS} --body hello)")
    click.echo("Answer from the phone:")
    body = json.dumps({"phone": PHONE, "line": LINE, "text": "hello back"})
    click.echo(
        f"  curl -X POST http://127.0.0.1:{ports.control}/incoming -H 'Content-Type: application/json' -d '{body}'"
    )
    click.echo("Look:")
    click.echo(f"  http://127.0.0.1:{ports.console}/ in a browser: the console, and the phone to type on")
    click.echo(f"  curl http://127.0.0.1:{ports.console}/readyz")
    click.echo(f"  curl http://127.0.0.1:{ports.control}/messages")
    click.echo(f"  {sys.argv[0]} queue list --config {config}")
    click.echo("Ctrl-C ends it.")


_ROUTES = f"""\
# One row for both directions: who mails to the address reaches the phone, what the phone writes reaches the mailbox.
[[route]]
address = "{ADDRESS}"
number = "{PHONE}"
name = "Bernd"
allow = ["*@example.org"]
mailbox = "{AUTHOR}"

[[route]]
address = "*@sms.example.com"
number = "{{local}}"
allow = ["*@example.org"]
"""

_MARK = "# Made by smsbridge demo; the next one overwrites it."
_BRIDGE = (
    f"{_MARK}\n"
    + """
hostname = "localhost"
domains = ["sms.example.com"]
postmaster = "postmaster@example.org"

[smtpd]
listen = ["127.0.0.1:{smtp}"]
networks = ["127.0.0.0/8"]

[websms]
url = "http://127.0.0.1:{provider}/rest"
token_file = "websms-token"
sender = {line}

[webhook]
listen = ["127.0.0.1:{webhook}"]
secret_file = "webhook-secret"
public_url = "http://127.0.0.1:{webhook}"

[smarthost]
maildir = "Maildir"

[console]
listen = ["127.0.0.1:{console}"]
"""
)
