"""Where the spool is: a SQLite file, or a PostgreSQL server.

The server is named in libpq's way, with two exceptions: there is no password in it, and `statement_cache_size=0` says
that a pooler stands before it.
"""

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from bridge.config.network import is_loopback
from bridge.config.problems import Invalid, shown
from bridge.config.reading import Place
from bridge.config.values import text

_POSTGRESQL: Final = '"postgresql://smsbridge@db.example.com/smsbridge?sslmode=verify-full"'


def spool_url(value: object, place: Place) -> str:
    """``sqlite:PATH`` with the path made absolute, or ``postgresql://…`` as libpq takes it, but without a password."""
    return checked(text(value, place), place.files.path)


def checked(url: str, path: Callable[[str], Path]) -> str:
    """The same for a URL that stands elsewhere; `path` makes paths absolute. Raises `Invalid`."""
    if re.match(r"postgres(?:ql)?:", url):
        return _postgresql_url(url)
    kind, _, name = url.partition(":")
    if kind != "sqlite" or not name or name.startswith("//"):
        raise Invalid(
            f"{shown(url)} is neither sqlite:PATH nor postgresql://USER@HOST/DATABASE",
            'write for example "sqlite:/var/lib/smsbridge/smsbridge.db"',
        )
    return f"sqlite:{path(name)}"


def _postgresql_url(url: str) -> str:
    """Several hosts may stand in it, so it is not taken for a web address."""
    found = re.fullmatch(r"postgres(?:ql)?://(?:([^@/?#]*)@)?([^@/?#]*)/([^/?#]+)(?:\?([^#]*))?", url)
    if found is None:  # what does not stand where it should may be a password: it is not quoted
        raise Invalid("this is not postgresql://USER@HOST/DATABASE", f"write for example {_POSTGRESQL}")
    user, hosts, database, query = found.groups(default="")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if ":" in user or "password" in options:
        raise Invalid(
            "a URL must not hold a password", f"put it into a file for password_file; here write {_POSTGRESQL}"
        )
    statements = options.get("statement_cache_size", "0")
    if not (statements.isascii() and statements.isdecimal()):
        raise Invalid("statement_cache_size is not a number", "write 0 behind a pooler, or leave it out")
    return f"postgresql://{user}{'@' if user else ''}{hosts}/{database}{'?' if query else ''}{query}"


def check(url: str, place: Place) -> None:
    """What can be known of a server without asking it; problems and warnings go to the collector."""
    if find_spec("asyncpg") is None:
        place.problem("the library for it is not installed", "install it: pip install 'smsbridge[postgres]'")
    parts = urlsplit(url)
    hosts = [host.rpartition(":")[0] or host for host in parts.netloc.rpartition("@")[2].split(",")]
    sure = "sslmode=require" in parts.query or "sslmode=verify-" in parts.query
    if not sure and not all(is_loopback(host) for host in hosts if host):  # none: a socket of this machine
        place.warning("what is spooled may travel unencrypted", "add ?sslmode=verify-full")
