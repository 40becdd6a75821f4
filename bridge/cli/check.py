"""`smsbridge check` and `smsbridge route`: is the configuration right, and what does its table do?"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bridge.cli.options import print_json, say, with_config, with_json
from bridge.cli.terminal import table, width
from bridge.config import ConfigError, Configuration, Problem
from bridge.config.users import CERTIFICATE
from bridge.routing import Route

CONFIGURATION = 78


@click.command()
@with_config
@with_json
def check(config_path: Path, as_json: bool) -> int:
    """Check all configuration files and name every error at once, with file, line and key.

    With --json, on stdout also where there are errors: {"ok", "errors", "warnings": [{"file", "line", "key", "message",
    "hint"}], "routes", "users", "proofs"}, the last three where it is ok.
    """
    from bridge import config  # noqa: PLC0415  # phone metadata: not for --help

    try:
        configuration = config.load(config_path)
    except ConfigError as error:
        if as_json:
            print_json({"ok": False, "errors": [_shown(problem) for problem in error.problems], "warnings": []})
        else:
            for problem in error.problems:
                say(str(problem), err=True)
            click.echo(f"{len(error.problems)} error{'s' * (len(error.problems) > 1)}", err=True)
        return CONFIGURATION
    warnings = configuration.warnings
    if as_json:
        shown = [_shown(problem) for problem in warnings]
        print_json({"ok": True, "errors": [], "warnings": shown, **_counted(configuration)})
    else:
        for problem in warnings:
            say(f"warning: {problem}", err=True)
        counted = _counted(configuration)
        told = [
            f"{number} {name[:-1] if number == 1 else name}" for name, number in counted.items() if name != "proofs"
        ]
        proofs = ", ".join(counted["proofs"]) or "nothing"
        say(f"{config_path}: fine; {', '.join(told)}; senders are proven by {proofs}")
    return 0


def _counted(configuration: Configuration) -> dict[str, Any]:
    """How much there is of what, and all that can prove a sender."""
    routes, users = configuration.routes.rows, configuration.users
    return {"routes": len(routes), "users": len(users), "proofs": _proofs(configuration)}


def _proofs(configuration: Configuration) -> list[str]:
    smtpd, mail = configuration.settings.smtpd, configuration.settings.mail_authentication
    hashes = {user.hash for user in configuration.users.values()}
    proofs = {
        "password": smtpd.tls_certificate is not None and bool(hashes - {CERTIFICATE}),
        "certificate": CERTIFICATE in hashes and any(entry.client_ca for entry in smtpd.listen),
        "network": bool(smtpd.networks),
        "address": any(row.allow.networks for row in configuration.routes),
        "relay": bool(mail.relays),
        "dns": mail.check,
    }
    return [proof for proof, works in proofs.items() if works]


@click.command()
@click.argument("address_or_number", required=False)
@click.option("--all", "whole", is_flag=True, help="Show the whole table instead.")
@with_config
@with_json
def route(address_or_number: str | None, whole: bool, config_path: Path, as_json: bool) -> int:
    """Show which row an ADDRESS reaches, or which mailbox gets SMS from a NUMBER.

    The exit code is 1 when it reaches nothing. With --json: {"address" or "number", "found", "reason", "numbers" or
    "mailbox", "row", "route", "allow", "sender", "countries"}, as far as there are any; with --all an array of {"row",
    "address", "numbers", "line", "mailbox", "route", "allow", "sender", "countries"}.
    """
    from bridge import config  # noqa: PLC0415  # phone metadata: not for --help

    if whole is (address_or_number is not None):
        raise click.UsageError("name one ADDRESS or NUMBER, or say --all")
    configuration = config.load(config_path)
    if address_or_number is None:
        _show_table(configuration.routes.rows, as_json=as_json)
        return 0
    answer = (
        _by_address(configuration, address_or_number)
        if "@" in address_or_number
        else _by_number(configuration, address_or_number)
    )
    if as_json:
        print_json(answer)
    else:
        for key, value in answer.items():
            say(f"{key:<9} {', '.join(value) if isinstance(value, list) else value}")
    return 0 if answer["found"] else 1


def _show_table(rows: Sequence[Route], *, as_json: bool) -> None:
    """As the console's page of routes has it."""
    found = [
        {
            "row": row.row,
            "address": row.address,
            "numbers": ["{local}"] if row.local else list(row.numbers),
            "line": row.line,
            "mailbox": row.mailbox,
            **_row(row),
        }
        for row in rows
    ]
    if as_json:
        print_json(found)
        return
    shown = [
        (
            one["row"],
            one["address"] or (f"line {one['line']}" if one["line"] else "-"),
            ", ".join(one["numbers"]) or "-",
            one["mailbox"] or "-",
            ", ".join(one["allow"]) or "nobody",
        )
        for one in found
    ]
    for line in table(shown, width()):
        say(line)


def _by_address(configuration: Configuration, given: str) -> dict[str, Any]:
    from bridge import recipients  # noqa: PLC0415  # phone metadata: not for --help

    found = recipients.resolve(configuration, given)
    answer: dict[str, Any] = {"address": found.address, "found": not isinstance(found, recipients.Nowhere)}
    if isinstance(found, recipients.Nowhere):
        row = {"row": found.route.row} if found.route is not None else {}
        return {**answer, **row, "reason": f"{found.code} {found.status} {found.text}"}
    if isinstance(found, recipients.Operator):
        return {**answer, "mailbox": configuration.settings.postmaster, "reason": "reserved for the operator"}
    if isinstance(found, recipients.Returning):
        return {**answer, "reason": "bounces of one mail that was relayed come here, if its seal is genuine"}
    if isinstance(found, recipients.Answering):
        return {**answer, "reason": "an answer token: it works for the mailbox it was issued to, until it expires"}
    return {**answer, "numbers": list(found.numbers), **_row(found.route)}


def _by_number(configuration: Configuration, given: str) -> dict[str, Any]:
    from bridge import normalize  # noqa: PLC0415  # phone metadata: not for --help

    try:
        phone = normalize.number(given, configuration.settings.country)
    except normalize.NotANumber as error:
        raise click.UsageError(f"{given}: {error}") from error
    row, why = configuration.routes.by_number(phone), "phone"
    if row is None:
        row, why = configuration.routes.by_line(phone), "line"
    if row is None or row.mailbox is None:
        return {
            "number": phone,
            "found": True,
            "mailbox": configuration.settings.postmaster,
            "reason": "no row names it: SMS go to an open conversation, else to the postmaster",
        }
    return {"number": phone, "found": True, "mailbox": row.mailbox, "reason": why, **_row(row)}


def _row(row: Route) -> dict[str, Any]:
    allow = row.allow
    return {
        "row": row.row,
        "route": row.name,
        "allow": sorted(
            [
                *allow.addresses,
                *(f"*@{domain}" for domain in allow.domains),
                *(f"user:{user}" for user in allow.users),
                *(str(network) for network in allow.networks),
            ]
        ),
        "sender": row.originator or "(the account's)",
        **({"countries": list(row.countries)} if row.local else {}),
    }


def _shown(problem: Problem) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(problem).items()}
