"""`smsbridge backup`: a copy of the spool while the bridge runs."""

from pathlib import Path

import click

from bridge.cli.options import print_json, say, with_config, with_json
from bridge.cli.spool import with_spool
from bridge.cli.terminal import ticking
from bridge.config.problems import ConfigError, Problem
from bridge.spool.contract import Spool


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_config
@with_json
def backup(file: Path, config_path: Path, as_json: bool) -> None:
    """Copy the spool to FILE, also while the bridge runs; an earlier FILE is replaced once the new one is whole.

    The spool alone: bridge.toml, what it names, and the key file are yours to keep. How to put it back is in
    docs/operate.md, "Backup and restore". With --json: {"file", "size"}, the size in octets.
    """
    from bridge.spool.backup import NotAPlace  # noqa: PLC0415  # the database: not for --help
    from bridge.spool.backup import backup as copying  # noqa: PLC0415  # as above
    from bridge.spool.sqlite import SqliteSpool  # noqa: PLC0415  # as above

    async def work(spool: Spool) -> int:
        if not isinstance(spool, SqliteSpool):
            raise ConfigError((_ELSEWHERE,))
        return await ticking("copying", copying(spool, place), shown=not as_json)

    place = file.absolute()
    try:
        size = with_spool(config_path, work)
    except NotAPlace as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        print_json({"file": str(file), "size": size})
    else:
        say(f"{file}: {size} octets")


_ELSEWHERE = Problem(
    file="bridge.toml",
    key="spool.url",
    message="the spool is on a PostgreSQL server, which is backed up with its own tools",
    hint="for example pg_dump --format=custom; before a start on a restored one: smsbridge queue hold --restored",
)
