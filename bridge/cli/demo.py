"""`smsbridge demo`: the whole bridge with a simulated provider on this machine, and one conversation through it."""

from pathlib import Path

import click

from bridge.cli.options import run


@click.command()
@click.option("--once", is_flag=True, help="Walk one conversation through, show each step, and end.")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep configuration, spool and mailbox here; otherwise in a directory that is removed afterwards.",
)
def demo(once: bool, directory: Path | None) -> int:
    """Try the bridge without an account: mail to SMS, report, answer, and back into a mailbox."""
    from bridge.cli.demonstration import demonstrate  # noqa: PLC0415  # daemon and simulator: not for --help

    try:
        return run(demonstrate(once=once, directory=directory))
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        return 0
