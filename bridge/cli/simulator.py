"""`smsbridge simulator`: a websms on this machine, for trying and testing."""

import asyncio
import secrets

import click

from bridge.cli.options import print_json, run, with_json


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the provider listens.")
@click.option("--port", type=int, default=8090, show_default=True, help="The provider's port; 0: any free one.")
@click.option("--control-port", type=int, default=8091, show_default=True, help="The control API's port, on loopback.")
@click.option("--token", help="The access token; made and shown when not given.")
@click.option("--notify-url", help="Where SMS from phones are posted, for example http://127.0.0.1:8080/websms/SECRET")
@click.option("--strict", is_flag=True, help="Refuse what the real provider only tolerates.")
@with_json
def simulator(
    host: str, port: int, control_port: int, token: str | None, notify_url: str | None, strict: bool, as_json: bool
) -> None:
    """Run a simulator of the provider websms until Ctrl-C."""
    from bridge.simulator import Simulator, SimulatorSettings  # noqa: PLC0415  # a server: not for --help

    async def simulating() -> None:
        chosen = token or secrets.token_urlsafe(24)
        sim = Simulator(SimulatorSettings(tokens=(chosen,), notify_url=notify_url, strict=strict))
        await sim.start(host, port, control_port)
        if as_json:
            print_json({"url": sim.url, "control_url": sim.control_url, "token": chosen})
        else:
            click.echo(f"provider     {sim.url}")
            click.echo(f"control API  {sim.control_url}")
            click.echo(f"token        {chosen}")
        try:
            await asyncio.Event().wait()
        finally:
            await sim.stop()

    try:
        run(simulating())
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
