"""A real PgBouncer before the tests' own PostgreSQL, on loopback, gone when its block ends.

With `server_round_robin` and as many connections as the pool may have, each transaction really gets another one than
the transaction before it, so that whatever counts on what a connection remembers fails at once.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.databases import Database
from tests.flows.program import Port
from tests.flows.relays import missing
from tests.pg import NOBODY
from tests.wait import PATIENCE

MODES = ("transaction", "session")


@dataclass(frozen=True, kw_only=True)
class Pooler:
    """A running one, and the database behind it."""

    database: Database
    port: int
    said: Path

    def url(self, **options: str) -> str:
        """As `Database.url`, by way of the pooler."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        user, name = self.database.server.user, self.database.name
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}{'?' if query else ''}{query}"


@contextmanager
def pgbouncer(database: Database, mode: str, *, size: int = 6) -> Iterator[Pooler]:
    """One that works by `mode`: "transaction", "session" or "statement"; with `size` connections to the server."""
    program = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        missing("PgBouncer is not installed")
    place = Path(tempfile.mkdtemp(prefix="smsbridge-pgbouncer-"))
    try:
        place.chmod(0o755)
        with closing(Port()) as port:
            _write(place, database, mode, port.number, size)
            with (place / "said").open("wb") as said:
                # It does not run as root, and goes when this process goes.
                user = NOBODY if os.geteuid() == 0 else None
                process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", program, str(place / "pgbouncer.ini")],
                    cwd=place,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    user=user,
                    group=user,
                )
            try:
                _wait(process, place, port.number)
                yield Pooler(database=database, port=port.number, said=place / "said")
            finally:
                process.kill()
                process.wait(PATIENCE)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _write(place: Path, database: Database, mode: str, port: int, size: int) -> None:
    server = database.server
    users = place / "users"
    users.touch(mode=0o600)
    users.write_text(f'"{server.user}" "{server.password}"\n', encoding="ascii")
    lines = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": users,
        "pool_mode": mode,
        "default_pool_size": size if mode != "session" else 40,
        "min_pool_size": size if mode != "session" else 0,
        "server_round_robin": 1,
        "server_reset_query": "DISCARD ALL",
    }
    config = place / "pgbouncer.ini"
    config.touch(mode=0o600)
    config.write_text(
        f"[databases]\n{database.name} = host=127.0.0.1 port={server.port}\n[pgbouncer]\n"
        + "".join(f"{name} = {value}\n" for name, value in lines.items()),
        encoding="ascii",
    )
    if os.geteuid() == 0:
        for file in (users, config):
            os.chown(file, NOBODY, NOBODY)


def _wait(process: "subprocess.Popen[bytes]", place: Path, port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, (place / "said").read_text()
        try:
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        except OSError:
            assert time.monotonic() < deadline, (place / "said").read_text()
            time.sleep(0.02)
        else:
            return
