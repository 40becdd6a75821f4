"""The man pages smsbridge(1), bridge.toml(5) and routes.toml(5), made of what the program itself knows.

`python -m bridge.cli.manual DIR` writes them while packages are built: commands and options come from the command
line's own help, keys from the tables by which the files are read. So no page can miss one, or say something else than
the program. Their date is that of SOURCE_DATE_EPOCH where it is set, so that a build can be repeated.
"""

import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from bridge import __version__
from bridge.config.reading import Key
from bridge.config.route_keys import ROUTE_KEYS
from bridge.config.schema import SCHEMA

SECTIONS: Final = {
    "": ("Top level", "The bridge as a whole. These keys stand before the first section."),
    "smtpd": ("[smtpd]", "The front door for mail."),
    "mail_authentication": ("[mail_authentication]", "Senders on the Internet who cannot log in."),
    "websms": ("[websms]", "The provider: what goes to phones."),
    "webhook": ("[webhook]", "The front door for SMS and delivery reports."),
    "websms_mail": ("[websms_mail]", "SMS that the provider brings as mail; prefer the webhook, which it documents."),
    "smarthost": ("[smarthost]", "What takes mail from the bridge."),
    "spool": ("[spool]", "What was taken and is not delivered yet."),
    "limits": ("[limits]", "How much may pass: N/s, N/m, N/h or N/d, or 0 for no limit. Urgent routes have their own."),
    "notices": ("[notices]", "Mail from the bridge about what became of a message."),
    "console": ("[console]", "For the operator."),
    "heartbeat": ("[heartbeat]", "A timed SMS to an own number that must come back."),
}
"""Sections of bridge.toml: their heading and what they are."""

PAGES: Final = ("smsbridge.1", "bridge.toml.5", "routes.toml.5")

_WRITTEN: Final = (
    'Durations are "90s", "15m", "72h", "7d"; sizes "512KiB", "1MiB"; every listen is a list of "host:port", IPv6 in '
    "brackets. Relative paths start at the configuration file. Secrets stand in files of their own (mode 0640): a "
    "bare name is looked up in $CREDENTIALS_DIRECTORY of systemd, then beside the configuration file. An unknown key "
    "is an error."
)
_ROWS: Final = (
    "One table for both directions: rows [[route]]. Exact rows come before patterns, then the first that matches. A "
    "row needs address, number and allow, or mailbox with number or line."
)
_EXIT: Final = (
    ("0", "It was done."),
    ("1", "What was asked for failed."),
    ("64", "Wrong usage."),
    ("75", "Temporary: another instance runs, or the spool cannot be used now."),
    ("78", "The configuration is wrong, or the spool is damaged."),
)
_FILES: Final = (
    ("/etc/smsbridge/bridge.toml", "The configuration: bridge.toml(5)."),
    ("/etc/smsbridge/routes.toml", "The table of routes: routes.toml(5)."),
    ("/var/lib/smsbridge/", "Spool and signing key, where the service keeps them."),
)


def write(directory: Path) -> list[Path]:
    """Write all pages; where they are."""
    from bridge.cli import smsbridge  # noqa: PLC0415  # it is made of all commands

    directory.mkdir(parents=True, exist_ok=True)
    texts = (command_page(smsbridge), bridge_page(SCHEMA), routes_page(ROUTE_KEYS))
    paths = [directory / name for name in PAGES]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def command_page(group: click.Group) -> str:
    """smsbridge(1)."""
    context = click.Context(group, info_name="smsbridge", **group.context_settings)
    lines = [
        *_head("SMSBRIDGE", 1, "smsbridge", "join mail and SMS"),
        ".SH SYNOPSIS",
        r"\fBsmsbridge\fR \fICOMMAND\fR [\fIOPTION\fR]... [\fIARGUMENT\fR]...",
        ".SH DESCRIPTION",
        *_paragraphs(group.help or ""),
        ".SH OPTIONS",
        *_options(group, context),
        ".SH COMMANDS",
        *_commands(group, context),
        ".SH ERRORS",
        *_paragraphs('With --json an error is one object on standard error: {"error": sentence, "code": exit status}.'),
        ".SH EXIT STATUS",
        *(line for code, text in _EXIT for line in _item(code, text)),
        ".SH FILES",
        *(line for name, text in _FILES for line in _item(name, text)),
        *_see_also("bridge.toml(5)", "routes.toml(5)"),
    ]
    return "\n".join(lines) + "\n"


def bridge_page(schema: Mapping[str, tuple[Key, ...]]) -> str:
    """bridge.toml(5)."""
    lines = [
        *_head("BRIDGE.TOML", 5, "bridge.toml", "configuration of smsbridge"),
        ".SH DESCRIPTION",
        *_paragraphs(f"{_WRITTEN}\n\nAfter a change: smsbridge check, then systemctl reload smsbridge."),
    ]
    for name, keys in schema.items():
        title, sentence = SECTIONS[name]
        lines += [f".SH {_quoted(title.upper())}", *_paragraphs(sentence)]
        lines += [line for key in keys for line in _key(key)]
    return "\n".join([*lines, *_see_also("routes.toml(5)", "smsbridge(1)")]) + "\n"


def routes_page(keys: tuple[Key, ...]) -> str:
    """routes.toml(5)."""
    lines = [
        *_head("ROUTES.TOML", 5, "routes.toml", "who reaches which phone through smsbridge, and back"),
        ".SH DESCRIPTION",
        *_paragraphs(_ROWS),
        ".SH KEYS",
        *(line for key in keys for line in _key(key)),
        ".SH EXAMPLE",
        ".nf",
        *map(
            _escaped,
            (
                "[[route]]",
                'address = "anna@sms.example.com"',
                'number = "+43 660 0000001"',
                'allow = ["*@example.com", "user:monitoring"]',
                'mailbox = "anna@example.com"',
            ),
        ),
        ".fi",
        ".PP",
        *_paragraphs(
            "What an address or a number leads to: smsbridge route. What a mail would become: smsbridge explain."
        ),
    ]
    return "\n".join([*lines, *_see_also("bridge.toml(5)", "smsbridge(1)")]) + "\n"


def _head(title: str, section: int, name: str, what: str) -> list[str]:
    version = f"smsbridge {__version__}"
    day = datetime.fromtimestamp(float(os.environ.get("SOURCE_DATE_EPOCH") or time.time()), UTC).date()
    return [
        f'.TH {title} {section} "{day}" "{version}"',
        ".SH NAME",
        rf"{_escaped(name)} \- {_escaped(what)}",
    ]


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        inner = click.Context(command, info_name=name, parent=context)
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from _commands(command, inner)
            continue
        usage = " ".join(command.collect_usage_pieces(inner))
        yield f".SS {_quoted(f'{inner.command_path} {usage}')}"
        yield from _paragraphs(command.help or "")
        yield from _options(command, inner)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1] and (context.parent is None or parameter.name != "help"):
            yield from _item(record[0], record[1])


def _key(key: Key) -> Iterator[str]:
    yield from _item(key.name, key.sentence)
    if key.default is not None:
        yield ".br"
        yield f"Default: {_escaped(_toml(key.default))}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value)


def _item(name: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield rf"\fB{_escaped(name)}\fR"
    yield _escaped(" ".join(text.split())) or r"\&"


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        yield _escaped(" ".join(paragraph.split()))


def _see_also(*pages: str) -> list[str]:
    return [".SH SEE ALSO", ", ".join(rf"\fB{_escaped(page[:-3])}\fR{page[-3:]}" for page in pages)]


def _escaped(text: str) -> str:
    """As roff shows it: a hyphen that can be copied, quotes as they are, and no line that begins with a request."""
    text = (
        text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("^", r"\(ha").replace("~", r"\(ti")
    )
    return rf"\&{text}" if text.startswith((".", "'")) else text


def _quoted(text: str) -> str:
    return '"' + _escaped(text).replace('"', r"\(dq") + '"'


def main() -> None:
    """``python -m bridge.cli.manual DIR``."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):  # noqa: PLR2004  # the program's name and one argument
        sys.exit("usage: python -m bridge.cli.manual DIR")
    for path in write(Path(sys.argv[1])):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
