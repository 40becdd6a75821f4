"""The command `smsbridge`. Commands import what they need when they run, so that `--help` answers at once.

Exit codes: 0 ok · 1 what was asked for failed · 64 wrong usage · 75 temporary (another instance runs) ·
78 configuration.
"""

import sys
from collections.abc import Sequence
from typing import Final

import click

from bridge import __version__
from bridge.cli.backup import backup
from bridge.cli.check import check, route
from bridge.cli.copy import moves
from bridge.cli.demo import demo
from bridge.cli.explain import explain
from bridge.cli.forget import forget
from bridge.cli.queue import queue
from bridge.cli.send import send
from bridge.cli.serve import serve
from bridge.cli.simulator import simulator
from bridge.cli.trace import trace
from bridge.cli.user import user
from bridge.config import ConfigError
from bridge.message import StoreUnavailable
from bridge.spool import SpoolDamaged, SpoolLocked

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 64
TEMPORARY: Final = 75
CONFIGURATION: Final = 78


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="smsbridge")
def smsbridge() -> None:
    """Join mail and SMS.

    Mail to 4366012345678@sms.example.com, or to a name of the routing table, becomes an SMS; the phone's answer comes
    back as a mail in the same thread. Try it without an account: smsbridge demo
    """


for command in (demo, serve, check, route, explain, send, queue, trace, simulator, user, moves, backup, forget):
    smsbridge.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with the code of the contract."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        result = smsbridge.main(args=arguments, prog_name="smsbridge", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return FAILED
    except click.Abort:
        return FAILED
    except ConfigError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        return CONFIGURATION
    except SpoolLocked as error:
        click.echo(f"smsbridge: {error}", err=True)
        return TEMPORARY
    except SpoolDamaged as error:
        click.echo(f"smsbridge: {error}", err=True)
        return CONFIGURATION
    except StoreUnavailable as error:
        click.echo(f"smsbridge: the spool could not be used now: {error}", err=True)
        return TEMPORARY
    except OSError as error:
        click.echo(f"smsbridge: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        return FAILED
    return result if isinstance(result, int) else OK
