"""`smsbridge serve`: the daemon."""

import asyncio
import gc
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bridge.cli.options import run, with_config

if TYPE_CHECKING:
    from bridge.daemon.hands import Hand

_BATCH = 50_000
"""Objects made since the last look for garbage in circles: a few hundred mails, some megabytes."""


def _collect_rarely() -> None:
    """What is there from the start stays for ever, and a mail leaves no circles behind: looking for them is in vain."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_BATCH, 20, 50)


def _settle_in() -> None:
    from bridge import log  # noqa: PLC0415  # as below

    loop = asyncio.get_running_loop()
    loop.call_soon(_collect_rarely)  # it takes a while: only once signals are listened to
    log.gather(loop.call_soon)


def _hands(config_path: Path) -> list["Hand"]:
    """The processes that take mails and notifications beside the daemon; forked here because nothing runs yet."""
    from bridge import config  # noqa: PLC0415  # as below
    from bridge.daemon.hands import fork  # noqa: PLC0415
    from bridge.daemon.worker import work  # noqa: PLC0415

    try:
        wanted = config.load(config_path).settings.processes
    except config.ConfigError:
        return []  # the daemon says what is wrong
    return fork(wanted - 1, lambda link, doorway: run(work(link, doorway, _settle_in)))


@click.command()
@with_config
@click.option("--unmasked", is_flag=True, help="Write phone numbers and mail addresses to the log in full.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="What is less than this is not logged.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="ROLE",
    help="smtpd, webhook or delivery, several with commas or the option again; needs PostgreSQL.  [default: all]",
)
def serve(config_path: Path, unmasked: bool, log_level: str, only: tuple[str, ...]) -> int:
    """Run the bridge until SIGTERM; SIGHUP reloads the configuration."""
    from bridge import log  # noqa: PLC0415  # the whole daemon is behind this: not for --help
    from bridge.daemon import Daemon  # noqa: PLC0415
    from bridge.daemon.parts import DOORS, ROLES  # noqa: PLC0415

    named = {role.strip() for several in only for role in several.split(",")}
    if wrong := sorted(named - set(ROLES)):
        raise click.UsageError(f"--only {wrong[0]!r}: the roles are {', '.join(ROLES)}")
    log.configure(level=log_level, unmasked=unmasked)

    hands = _hands(config_path) if (named or set(ROLES)) & DOORS else []

    async def serving() -> int:
        daemon = Daemon(config_path, only=named or ROLES, hands=hands)
        await daemon.start()
        _settle_in()
        try:
            return 0 if await daemon.run() else 1
        finally:
            log.gather(None)

    return run(serving())
