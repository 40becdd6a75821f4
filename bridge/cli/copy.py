"""`smsbridge spool copy`: move a spool from a file to a server, or back, while nothing runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bridge.cli.options import print_json, with_json
from bridge.cli.terminal import counting

if TYPE_CHECKING:
    from bridge.spool.copy import Place


_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group("spool")
def moves() -> None:
    """Move the spool."""


@moves.command()
@click.option("--from", "source", required=True, metavar="URL", help="sqlite:PATH or postgresql://…")
@click.option("--to", "target", required=True, metavar="URL", help="The same; must be empty.")
@click.option("--from-password-file", type=_FILE, help="File with the password of the server that is read.")
@click.option("--to-password-file", type=_FILE, help="File with the password of the server that is written.")
@with_json
def copy(
    source: str, target: str, from_password_file: Path | None, to_password_file: Path | None, as_json: bool
) -> int:
    """Copy everything into an empty spool, while no bridge runs on either; all of it or nothing.

    The old one stays as it is: remove it once the new one is in bridge.toml, or the old messages could be sent again.
    With --json: an object with the number of rows of each table.
    """
    from bridge.spool.copy import copy as copying  # noqa: PLC0415  # the databases: not for --help

    old, new = _place(source, from_password_file, "--from"), _place(target, to_password_file, "--to")
    with counting("copying", shown=not as_json) as told:
        copied = copying(old, new, told)
    if as_json:
        print_json(copied)
    else:
        for table, count in copied.items():
            click.echo(f"{count:>10}  {table}")
        click.echo("Now write the new URL into [spool] of bridge.toml, and put the old spool where no bridge finds it.")
    return 0


def _place(url: str, password_file: Path | None, option: str) -> "Place":
    from bridge.config.problems import Invalid  # noqa: PLC0415  # phone metadata: not for --help
    from bridge.config.spool_url import checked  # noqa: PLC0415  # as above
    from bridge.spool.copy import Place  # noqa: PLC0415  # the databases

    try:
        whole = checked(url, Path.cwd().joinpath)
    except Invalid as error:
        raise click.BadParameter(f"{error.message}; {error.hint}", param_hint=option) from error
    password = password_file.read_text(encoding="utf-8").strip() if password_file is not None else None
    return Place(url=whole, password=password)
