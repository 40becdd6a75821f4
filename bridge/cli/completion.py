"""`smsbridge completion`: what a shell needs to complete commands, options, states and ids with the Tab key.

The ids come from the spool while one types: whoever may not read it, or has none, is offered none.
"""

from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from bridge.cli.options import DEFAULT_CONFIG
from bridge.cli.terminal import printable
from bridge.message import State

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_SMSBRIDGE_COMPLETE"
"""The environment variable with which a shell asks; click makes it of the program's name."""

_OFFERED: Final = 100


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets a SHELL complete commands, options, states and ids.

    For bash: smsbridge completion bash > /etc/bash_completion.d/smsbridge; for zsh: into a file _smsbridge in a
    directory of $fpath; for fish: into ~/.config/fish/completions/smsbridge.fish
    """
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101  # click knows all three
    root = context.find_root().command
    # Not the class's own `source`: it would start a bash to look at its version.
    click.echo(ShellComplete.source(made(root, {}, "smsbridge", VARIABLE)))


def states() -> list[str]:
    """The states of a delivery, as an option's choices."""
    return [state.value for state in State]


def ids(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Deliveries that are not done, for an argument that wants an id."""
    path = context.params.get("config_path")
    try:
        found = _waiting(path if isinstance(path, Path) else DEFAULT_CONFIG)
    except Exception:  # noqa: BLE001  # whatever is wrong, a Tab key must not say it
        return []
    return [
        CompletionItem(one.id, help=printable(f"{one.state.value} {one.recipient}"))
        for one in found
        if one.id.startswith(incomplete)
    ][:_OFFERED]


def _waiting(path: Path) -> list[Any]:
    from bridge.cli.spool import with_spool  # noqa: PLC0415  # the database: not for each Tab

    return with_spool(path, lambda spool: spool.listing(None, 10 * _OFFERED))
