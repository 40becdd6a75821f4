"""`smsbridge simulator`: a websms on this machine, for trying, testing and rehearsing outages."""

import asyncio
import contextlib
import secrets
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING

import click

from bridge.cli.options import print_json, run, with_json

if TYPE_CHECKING:
    from bridge.simulator import SimulatorSettings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the provider listens.")
@click.option("--port", type=int, default=8090, show_default=True, help="The provider's port; 0: any free one.")
@click.option("--control-port", type=int, default=8091, show_default=True, help="The control API's port, on loopback.")
@click.option("--token", help="The access token; made and shown when not given.")
@click.option("--user", default="simulator@example.com", show_default=True, help="The account's login, for Basic.")
@click.option("--password", help="Its password; made and shown when not given.")
@click.option("--sender", "senders", multiple=True, help="A sender assigned to the account; repeatable. None: any.")
@click.option("--notify-url", help="Where SMS from phones are posted, for example http://127.0.0.1:8080/websms/SECRET")
@click.option("--strict", is_flag=True, help="Refuse what the real provider only tolerates.")
@click.option(
    "--accept-log", type=_FILE, help="Append a JSON line for each accepted message, synced before it answers."
)
@click.option("--tls", is_flag=True, help="Speak HTTPS; without files of yours with a certificate made here.")
@click.option("--tls-certificate", type=_FILE, help="PEM; with --tls and not there yet, it is made and stays.")
@click.option("--tls-key", type=_FILE, help="PEM; belongs to --tls-certificate.")
@with_json
def simulator(
    host: str,
    port: int,
    control_port: int,
    token: str | None,
    user: str,
    password: str | None,
    senders: tuple[str, ...],
    notify_url: str | None,
    strict: bool,
    accept_log: Path | None,
    tls: bool,
    tls_certificate: Path | None,
    tls_key: Path | None,
    as_json: bool,
) -> None:
    """Run a simulator of the provider websms until Ctrl-C; its control API is described in docs/simulator.md."""
    from bridge.simulator import SimulatorSettings  # noqa: PLC0415  # a server: not for --help

    if (tls_certificate is None) != (tls_key is None):
        raise click.UsageError("--tls-certificate and --tls-key belong together")
    with _encrypted(tls, tls_certificate, tls_key) as (context, trust):
        settings = SimulatorSettings(
            tokens=(token or secrets.token_urlsafe(24),),
            user=user,
            password=password or secrets.token_urlsafe(12),
            senders=tuple(sender.removeprefix("+") for sender in senders) or None,
            notify_url=notify_url,
            strict=strict,
            accept_log=None if accept_log is None else str(accept_log),
            tls=context,
        )
        if senders:
            settings.default_sender = senders[0].removeprefix("+")
        try:
            run(_simulating(settings, (host, port, control_port), trust, as_json=as_json))
        except KeyboardInterrupt:
            click.echo("stopped", err=True)


async def _simulating(
    settings: "SimulatorSettings", where: tuple[str, int, int], trust: Path | None, *, as_json: bool
) -> None:
    from bridge.simulator import Simulator  # noqa: PLC0415  # see above

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    sim = Simulator(settings)
    await sim.start(*where)
    shown = {
        "url": sim.url,
        "control_url": sim.control_url,
        "token": settings.tokens[0],
        "user": settings.user,
        "password": settings.password,
        "certificate": None if trust is None else str(trust),
    }
    if as_json:
        print_json(shown)
    else:
        labels = {"url": "provider", "control_url": "control API"}
        for name, value in shown.items():
            if value is not None:
                click.echo(f"{labels.get(name, name):<12} {value}")
    try:
        await stop.wait()
    finally:
        await sim.stop()


@contextlib.contextmanager
def _encrypted(
    wanted: bool, certificate: Path | None, key: Path | None
) -> Iterator[tuple[SSLContext | None, Path | None]]:
    """The context and the certificate that clients are to trust; a made pair without files goes at the end."""
    from bridge.simulator.certificate import CannotMake, context, make  # noqa: PLC0415  # see above

    with contextlib.ExitStack() as stack:
        if certificate is None or key is None:
            if not wanted:
                yield None, None
                return
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smsbridge-simulator-")))
            certificate, key = place / "certificate.pem", place / "key.pem"
        if wanted and not certificate.exists() and not key.exists():
            try:
                make(certificate, key)
            except CannotMake as cannot:
                raise click.ClickException(str(cannot)) from None
        yield context(certificate, key), certificate.resolve()
