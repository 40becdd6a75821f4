"""`smsbridge explain`: what would become of a mail, without sending anything."""

import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.options import print_json, say, with_config, with_json

if TYPE_CHECKING:
    from bridge.config import Configuration
    from bridge.smtpd.contract import Peer
    from bridge.smtpd.explanation import Explanation

_MOST = 64 * 1024**2  # the largest `max_message_size`


@click.command()
@click.argument("mail", type=click.File("rb"), metavar="MAIL.eml")
@click.option("--from", "sender", required=True, metavar="ADDRESS", help="The envelope sender.")
@click.option(
    "--to", "recipients", required=True, multiple=True, metavar="ADDRESS", help="A recipient; may be repeated."
)
@click.option(
    "--peer", metavar="ADDRESS", help="The client's address; without it and --user the likeliest is supposed."
)
@click.option("--user", metavar="NAME", help="The client is logged in as this user.")
@with_config
@with_json
def explain(
    mail: Any,
    sender: str,
    recipients: tuple[str, ...],
    peer: str | None,
    user: str | None,
    config_path: Path,
    as_json: bool,
) -> int:
    """Say what would become of MAIL.eml ("-" reads it from standard input); nothing is sent.

    The row, the proof, the number, the text with what is left out, what it costs, and the SMTP answer. The exit code
    is 1 when a recipient would be refused. With --json: an array with an object for each recipient: "from", "to",
    "proof", "address", "row", "route", "why", "numbers", "text", "limits", "answer".
    """
    from bridge import config  # noqa: PLC0415  # phone metadata: not for --help
    from bridge.smtpd import explanation  # noqa: PLC0415

    configuration = config.load(config_path)
    client = _client(configuration, sender, peer, user)
    content = _with_crlf(mail.read(_MOST))
    found = [
        explanation.explain(
            configuration,
            peer=client,
            sender="" if sender == "<>" else sender,
            recipient=recipient,
            content=content,
            now=time.time(),
        )
        for recipient in recipients
    ]
    if as_json:
        print_json([_fields(one, configuration) for one in found])
    else:
        for line in "\n\n".join(_text(one, configuration) for one in found).split("\n"):
            say(line)
    return 0 if all(one.reply.code < 400 for one in found) else 1  # noqa: PLR2004  # SMTP: a refusal


def _client(configuration: "Configuration", sender: str, peer: str | None, user: str | None) -> "Peer":
    """Who brings the mail: as was said, else whoever could prove this sender."""
    from bridge.smtpd import explanation  # noqa: PLC0415  # phone metadata: not for --help

    if user is not None and user not in configuration.users:
        raise click.UsageError(f"there is no user {user!r}; see: smsbridge user list")
    address = _address(peer) if peer is not None else None
    if user is None and address is None:
        return explanation.likeliest(configuration, sender)
    return explanation.client(str(address or ""), user)


def _address(written: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(written)
    except ValueError:
        raise click.UsageError(f"--peer {written}: write an IP address, for example 192.0.2.7") from None


def _with_crlf(content: bytes) -> bytes:
    """The mail as it comes over SMTP, also where a program saved it with other line ends."""
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _limits(configuration: "Configuration") -> dict[str, str]:
    from bridge.smtpd import explained  # noqa: PLC0415  # phone metadata: not for --help

    limits = configuration.settings.limits
    return {name: explained.rated(getattr(limits, name)) for name in ("sender", "recipient", "route", "total")}


def _fields(one: "Explanation", configuration: "Configuration") -> dict[str, Any]:
    words, route = one.words, one.route
    return {
        "from": one.sender,
        "to": one.recipient,
        "proof": one.proof,
        "address": one.address,
        "row": route.row if route is not None else None,
        "route": route.name if route is not None else None,
        "why": one.why,
        "numbers": list(one.numbers),
        "text": None
        if words is None
        else {
            "text": words.text,
            "lines": [{"kept": kept, "line": line} for kept, line in words.lines],
            "overflow": words.overflow,
            "encoding": words.encoding,
            "units": words.units,
            "parts": words.parts,
            "costly": [f"U+{ord(one):04X}" for one in words.costly],
        },
        "limits": _limits(configuration),
        "answer": one.reply.encode().decode().strip(),
    }


def _text(one: "Explanation", configuration: "Configuration") -> str:
    from bridge.smtpd import explained  # noqa: PLC0415  # phone metadata: not for --help

    limits = ", ".join(f"{name} {rate}" for name, rate in _limits(configuration).items())
    return explained.text(one, "en", limits=limits)
