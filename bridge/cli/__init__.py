"""The command `smsbridge`. Commands import what they need when they run, so that `--help` answers at once.

Exit codes: 0 ok · 1 what was asked for failed · 64 wrong usage · 75 temporary (another instance runs) ·
78 configuration. With `--json` an error is one object on stderr: ``{"error": sentence, "code": exit code}``, for a
configuration with ``"problems": [{"file", "line", "key", "message", "hint"}]``.
"""

import io
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import click

from bridge import __version__
from bridge.cli.backup import backup
from bridge.cli.check import check, route
from bridge.cli.completion import completion
from bridge.cli.conversation import conversation
from bridge.cli.copy import moves
from bridge.cli.demo import demo
from bridge.cli.doctor import doctor
from bridge.cli.explain import explain
from bridge.cli.forget import forget
from bridge.cli.options import print_json, say
from bridge.cli.queue import queue
from bridge.cli.search import search
from bridge.cli.send import send
from bridge.cli.serve import serve
from bridge.cli.simulator import simulator
from bridge.cli.status import status
from bridge.cli.terminal import write_all
from bridge.cli.trace import trace
from bridge.cli.user import user
from bridge.config import ConfigError
from bridge.link import LinkLost
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


for command in (
    *(demo, serve, check, doctor, status, route, explain, send, queue, search, trace, conversation),
    *(simulator, user, moves, backup, forget, completion),
):
    smsbridge.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with the code of the contract."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = given[: given.index("--")] if "--" in given else given
    write_all()
    sys.exit(_run(given, as_json="--json" in options))


def _run(arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        result = smsbridge.main(args=arguments, prog_name="smsbridge", standalone_mode=False)
    except click.UsageError as error:
        return _told(error.format_message(), USAGE) if as_json else _shown(error, USAGE)
    except click.ClickException as error:
        return _told(error.format_message(), FAILED) if as_json else _shown(error, FAILED)
    except click.Abort:
        return FAILED
    except ConfigError as error:
        return _wrong(error, as_json=as_json)
    except (SpoolLocked, SpoolDamaged, StoreUnavailable, LinkLost, OSError) as error:
        sentence, code = _why(error)
        if as_json:
            return _told(sentence, code)
        say(f"smsbridge: {sentence}", err=True)
        return code
    return result if isinstance(result, int) else OK


def _why(error: Exception) -> tuple[str, int]:
    if isinstance(error, StoreUnavailable):
        return f"the spool could not be used now: {error}", TEMPORARY
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", FAILED
    if isinstance(error, LinkLost):
        return f"one of the processes did not begin: {error}", FAILED
    return str(error), TEMPORARY if isinstance(error, SpoolLocked) else CONFIGURATION


def _shown(error: click.ClickException, code: int) -> int:
    """It may quote what was typed, and that may have been pasted from anywhere."""
    written = io.StringIO()
    error.show(written)
    for line in written.getvalue().rstrip("\n").split("\n") if written.getvalue() else ():
        say(line, err=True)
    return code


def _told(sentence: str, code: int, **more: Any) -> int:
    print_json({"error": sentence, "code": code, **more}, err=True)
    return code


def _wrong(error: ConfigError, *, as_json: bool) -> int:
    if as_json:
        found = len(error.problems)
        sentence = str(error.problems[0]) if found == 1 else f"{found} errors in the configuration"
        return _told(sentence, CONFIGURATION, problems=[asdict(problem) for problem in error.problems])
    for problem in error.problems:
        say(str(problem), err=True)
    return CONFIGURATION
