"""`smsbridge doctor`: looks at everything around the bridge that can be wrong, and says what to do about it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bridge.cli.options import print_json, run, say, with_config, with_json
from bridge.cli.terminal import paragraphs, width

if TYPE_CHECKING:
    from bridge.cli.findings import Case, Finding
    from bridge.config import Configuration, Problem

CONFIGURATION: Final = 78

_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--to", "number", metavar="NUMBER", help="Address the provider's test to this number; nothing is sent.")
@with_config
@with_json
def doctor(number: str | None, config_path: Path, as_json: bool) -> int:
    """Look at everything around the bridge and say what to do about what is wrong.

    Configuration, libraries, disk, spool, permissions, service, certificate, DNS, provider and login, clock, smarthost,
    webhook. Nothing is sent and nothing changed. The exit code is 0 when nothing is broken, 1 when something is, 78 for
    a wrong configuration. With --json: {"worst": level, "findings": [{"check", "level" ("ok", "warn", "fail"), "text",
    "remedy"}]}.
    """
    from bridge import config  # noqa: PLC0415  # phone metadata: not for --help
    from bridge.cli.findings import machine  # noqa: PLC0415  # as above

    try:
        configuration = config.load(config_path)
    except config.ConfigError as error:
        _print([*_wrong(error.problems), *machine.program()], as_json=as_json)
        return CONFIGURATION
    findings = [*_warned(configuration), *run(_examined(_case(configuration, number)))]
    _print(findings, as_json=as_json)
    return 1 if any(finding.level == "fail" for finding in findings) else 0


def _case(configuration: "Configuration", number: str | None) -> "Case":
    from bridge import normalize  # noqa: PLC0415  # phone metadata: not for --help
    from bridge.cli.findings import Case  # noqa: PLC0415  # as above

    phone = None
    if number is not None:
        try:
            phone = normalize.number(number, configuration.settings.country)
        except normalize.NotANumber as error:
            raise click.UsageError(f"--to {number}: {error}") from error
    return Case(configuration=configuration, clock=time.time, number=phone)


async def _examined(case: "Case") -> "list[Finding]":
    from bridge.cli.findings import (  # noqa: PLC0415  # libraries: not for --help
        certificate,
        examine,
        machine,
        names,
        place,
        provider,
        running,
        smarthost,
        webhook,
    )

    looks = (
        ("program", machine.look),
        ("disk and spool", place.look),
        ("permissions", place.permissions),
        ("bridge", running.look),
        ("service", running.unit),
        ("certificate", certificate.look),
        ("DNS", names.look),
        ("provider", provider.reach),
        ("provider login", provider.login),
        ("smarthost", smarthost.look),
        ("webhook", webhook.look),
    )
    return await examine(case, looks)


def _wrong(problems: "Sequence[Problem]") -> "Iterator[Finding]":
    from bridge.cli.findings import fail  # noqa: PLC0415  # not for --help

    for problem in problems:
        yield fail("configuration", _place(problem), problem.hint)


def _warned(configuration: "Configuration") -> "Iterator[Finding]":
    from bridge.cli.findings import ok, warn  # noqa: PLC0415  # not for --help

    for problem in configuration.warnings:
        yield warn("configuration", _place(problem), problem.hint)
    if not configuration.warnings:
        yield ok("configuration", f"{configuration.path} and what it names are fine")


def _place(problem: "Problem") -> str:
    """Where and what, without what would be right."""
    return str(problem).removesuffix(f"; {problem.hint}")


def _print(findings: "Sequence[Finding]", *, as_json: bool) -> None:
    if as_json:
        worst = max((finding.level for finding in findings), key=list(_COLOURS).index, default="ok")
        print_json({"worst": worst, "findings": [asdict(finding) for finding in findings]})
        return
    columns = width()
    broad = max(len(finding.check) for finding in findings)
    indent = " " * (broad + 8)
    for finding in findings:
        head = click.style(f"{finding.level.upper():<4}", fg=_COLOURS[finding.level], bold=True)
        first, *more = paragraphs(finding.text, columns, indent)
        click.echo(f"{head}  {finding.check:<{broad}}  {first.removeprefix(indent)}")
        for line in more:
            say(line)
        if finding.remedy:
            for number, line in enumerate(paragraphs(finding.remedy, columns, indent + "  ")):
                say(f"{indent}→ {line.removeprefix(indent + '  ')}" if not number else line)
    broken = sum(finding.level == "fail" for finding in findings)
    click.echo(f"{broken} broken, {sum(finding.level == 'warn' for finding in findings)} to look at", err=True)
