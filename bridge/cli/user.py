"""`smsbridge user`: who may log in, at the mail door or at the console.

Edits the users file of either; a running bridge reads it on reload.
"""

import getpass
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from argon2 import PasswordHasher

from bridge.cli.options import print_json, say, with_config, with_json
from bridge.cli.terminal import table, width
from bridge.config import users_file
from bridge.config.addresses import address_or_domain
from bridge.config.operators import OPERATOR
from bridge.config.problems import Invalid
from bridge.config.users import CERTIFICATE
from bridge.config.users_file import CannotEdit, UsersFile

SHORTEST: Final = 8
"""Characters of a password."""

_LONGEST: Final = 1000  # characters; the line of an AUTH has room for that many
_ANY_HASH: Final = f"$scrypt$ln=14,r=8,p=1${'A' * 11}${'A' * 22}"  # of nothing: name and role are checked with it
_RELOAD: Final = "a running bridge takes it with: systemctl reload smsbridge"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What `add` was asked for."""

    name: str
    addresses: tuple[str, ...]  # none: those that stand there
    hash: str | None  # None: the one that stands there
    replace: bool
    console: bool


_console = click.option("--console", is_flag=True, help="Who may open the operator's window, not the mail door.")


@click.group()
def user() -> None:
    """Add, list or remove who may log in: to send mail, or to open the console."""


@user.command()
@click.argument("name")
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@click.option("--certificate", is_flag=True, help="No password: a client certificate made out to NAME.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of the terminal.")
@click.option("--replace", is_flag=True, help="Change a user; without ADDRESS the addresses stay.")
@click.option("--keep-password", is_flag=True, help="With --replace: change the addresses only.")
@_console
@with_config
@with_json
def add(
    name: str,
    addresses: tuple[str, ...],
    certificate: bool,
    password_stdin: bool,
    replace: bool,
    keep_password: bool,
    console: bool,
    config_path: Path,
    as_json: bool,
) -> None:
    """Let NAME log in and send mail as each ADDRESS, or as anybody of a domain: '*@example.com'.

    The password is asked for twice, or read from standard input. With --console ADDRESS is what NAME may do there:
    operator (the default) or viewer. With --json: {"name", "addresses", "how"} as it stands there now.
    """

    if certificate + password_stdin + keep_password > 1:
        raise click.UsageError("only one of --certificate, --password-stdin and --keep-password has a meaning")
    if keep_password and not replace:
        raise click.UsageError("--keep-password goes with --replace")
    if console and certificate:
        raise click.UsageError("the console takes passwords only")
    if not addresses and console and not replace:
        addresses = (OPERATOR,)
    if not addresses and not replace:
        raise click.UsageError(f"name what {name} may send as: an address, or '*@example.com'")
    file = users_file.locate(config_path, console=console)
    addresses = _checked(file, name, addresses)
    if not replace and users_file.peek(file, name) is not None:  # before a password is asked for
        raise click.ClickException(_stands_there(file, name))
    hash_ = CERTIFICATE if certificate else None if keep_password else _hash(_password(from_stdin=password_stdin))
    _write(file, _Wanted(name=name, addresses=addresses, hash=hash_, replace=replace, console=console))
    if as_json:
        print_json(_fields(file, name))
    else:
        click.echo(f"{name} may log in {_as_text(file, name)}")
    _say_what_is_next(file, as_json=as_json)


@user.command("list")
@_console
@with_config
@with_json
def list_(console: bool, config_path: Path, as_json: bool) -> None:
    """List the users with their addresses, or with what they may do in the console.

    With --json: an array of {"name", "addresses", "how"}.
    """
    users, problems = users_file.listed(users_file.locate(config_path, console=console))
    found = [
        {
            "name": one.name,
            "addresses": [one.role] * console
            + [*sorted(one.addresses), *(f"*@{domain}" for domain in sorted(one.domains))],
            "how": "certificate" if one.hash == CERTIFICATE else "password",
        }
        for one in users.values()
    ]
    if as_json:
        print_json(found)
    else:
        for line in table([(one["name"], one["how"], ", ".join(one["addresses"])) for one in found], width()):
            click.echo(line)
    for problem in problems:
        say(str(problem), err=True)
    if not found and not as_json:
        click.echo("there are no users", err=True)


@user.command()
@click.argument("name")
@_console
@with_config
@with_json
def remove(name: str, console: bool, config_path: Path, as_json: bool) -> None:
    """Let NAME no longer log in. With --json: {"name", "removed"}."""
    file = users_file.locate(config_path, console=console)
    if not console and (named := users_file.named_in_routes(file, name)):
        raise click.ClickException(f"{', '.join(named)}: user:{name} stands there; take it out first")

    def change(content: str) -> str:
        if users_file.fields(content, name) is None:
            raise CannotEdit(f"there is no user {name} in {file.path}")
        return users_file.without(content, name)

    try:
        users_file.edit(file, change)
    except CannotEdit as why:
        raise click.ClickException(str(why)) from None
    if as_json:
        print_json({"name": name, "removed": True})
    else:
        click.echo(f"{name} may no longer log in")
    _say_what_is_next(file, as_json=as_json)


def _fields(file: UsersFile, name: str) -> dict[str, Any]:
    """As `user list` has it, from the line itself."""
    hash_, addresses = users_file.peek(file, name) or ("", "")
    how = "certificate" if hash_ == CERTIFICATE else "password"
    return {"name": name, "addresses": addresses.split(","), "how": how}


def _write(file: UsersFile, wanted: _Wanted) -> None:

    def change(content: str) -> str:
        old = users_file.fields(content, wanted.name)
        if old is not None and not wanted.replace:
            raise CannotEdit(_stands_there(file, wanted.name))
        if old is None and (wanted.hash is None or not wanted.addresses):
            raise CannotEdit(f"there is no user {wanted.name} in {file.path}")
        hash_, addresses = old or ("", "")
        grants = wanted.addresses or (addresses,)
        line = users_file.line(wanted.name, wanted.hash or hash_, grants, console=wanted.console)
        return users_file.put(content, wanted.name, line)

    try:
        users_file.edit(file, change)
    except CannotEdit as why:
        raise click.ClickException(str(why)) from None
    except Invalid as why:  # what stands there and was to stay
        raise click.ClickException(f"{why.message}; {why.hint}") from None


def _checked(file: UsersFile, name: str, addresses: Sequence[str]) -> tuple[str, ...]:
    """The addresses in the spelling in which they are compared; each once."""
    try:
        if file.console:
            users_file.line(name, _ANY_HASH, addresses or (OPERATOR,), console=True)
            return tuple(addresses)
        found = tuple(dict.fromkeys(address_or_domain(written, file.place) for written in addresses))
        users_file.line(name, CERTIFICATE, found or ("somebody@example.com",))
    except Invalid as why:
        raise click.UsageError(f"{why.message}; {why.hint}") from None
    return found


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        try:
            password = sys.stdin.buffer.read(8 * _LONGEST).decode("utf-8")
        except UnicodeDecodeError:
            raise click.ClickException("the password is not UTF-8 text") from None
        password = password.removesuffix("\n").removesuffix("\r")
    elif not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask for the password: use --password-stdin")
    else:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise click.ClickException("the two passwords are not the same")
    if not SHORTEST <= len(password) <= _LONGEST:
        raise click.ClickException(f"the password must have at least {SHORTEST} and at most {_LONGEST} characters")
    if not password.isprintable():
        raise click.ClickException("the password must be one line without control characters")
    return password


def _hash(password: str) -> str:
    return PasswordHasher().hash(password)


def _stands_there(file: UsersFile, name: str) -> str:
    return f"the user {name} stands in {file.path} already; --replace changes password and addresses"


def _as_text(file: UsersFile, name: str) -> str:

    hash_, addresses = users_file.peek(file, name) or ("", "")
    how = "with a client certificate" if hash_ == CERTIFICATE else "with a password"
    if file.console:
        return f"{how} and is {addresses}"
    return f"{how} and send as {addresses.replace(',', ', ')}"


def _say_what_is_next(file: UsersFile, *, as_json: bool) -> None:

    if not as_json:
        click.echo(_RELOAD)
    _, problems = users_file.listed(file)
    for problem in problems:
        say(f"but first: {problem}", err=True)
