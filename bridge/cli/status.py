"""`smsbridge status`: the console's first page on the terminal.

Most of it is read from the spool, which is there whether a bridge runs or not. What only a running one knows (what is
paused, calls under way, whether the doors are open) its /readyz says.
"""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from bridge.cli.options import print_json, say, utc, with_config, with_json
from bridge.cli.spool import with_window
from bridge.cli.terminal import paragraphs, width
from bridge.message import Channel

if TYPE_CHECKING:
    from bridge.config import Configuration
    from bridge.console.sources import Store

PATIENCE: Final = 3.0
"""Seconds that a running bridge has to answer."""

_KINDS: Final = ("in", "out", "bad")
_SPANS: Final = (("last_hour", "last hour", 60), ("last_day", "last day", 24 * 60))
_LONGEST: Final = 256 * 1024  # octets of an answer


@click.command()
@with_config
@with_json
def status(config_path: Path, as_json: bool) -> int:
    """Show what waits and for how long, what is paused and why, the last hour and day.

    The exit code is 1 unless a bridge runs here and is ready. With --json: {"running", "ready", "version", "test",
    "states": {state: deliveries not done}, "oldest": {channel: time}, "restored", "last_sms", "paused":
    {scope: why}, "calls": {channel: number}, "last_hour" and "last_day": {"in", "out", "bad"}, "reasons" why it is not
    ready, "degraded"}; what only a running bridge knows is null where none answers.
    """
    from bridge import config  # noqa: PLC0415  # phone metadata: not for --help

    configuration = config.load(config_path)
    shown = with_window(configuration, lambda spool: _look(spool, configuration, time.time()))
    if as_json:
        print_json(shown)
    else:
        for line in _text(shown, time.time()):
            for part in paragraphs(line, width()):
                say(part)
    return 0 if shown["ready"] else 1


async def readyz(configuration: "Configuration", patience: float = PATIENCE) -> Mapping[str, Any] | None:
    """What the bridge of this configuration says of itself; None where none answers on this machine in time."""
    import aiohttp  # noqa: PLC0415  # not for --help

    for entry in configuration.settings.console.listen:
        url = f"http://{_here(entry.host)}:{entry.port}/readyz"
        try:
            timeout = aiohttp.ClientTimeout(total=patience)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
                found = json.loads(await answer.content.read(_LONGEST))
        except (aiohttp.ClientError, OSError, ValueError, RecursionError):
            continue
        if _is_readiness(found):
            return cast("Mapping[str, Any]", found)
    return None


def _is_readiness(found: object) -> bool:
    """Whether this is what a bridge says, and not somebody else who has taken its port."""
    if not isinstance(found, dict) or "ready" not in found:
        return False
    said = [found.get(name) or [] for name in ("reasons", "degraded")]
    return all(isinstance(several, list) and all(isinstance(one, str) for one in several) for several in said)


async def _look(spool: "Store", configuration: "Configuration", now: float) -> dict[str, Any]:
    from bridge.console.pulse import Pulse  # noqa: PLC0415  # not for --help

    says = await readyz(configuration)
    pulse = Pulse()
    await pulse.feel(spool, now)
    states = await spool.counts()
    oldest = {channel.value: utc(await spool.oldest(channel)) for channel in Channel}
    alive = says or {}
    return {
        "running": says is not None,
        "ready": bool(alive.get("ready")),
        **{name: alive.get(name) for name in ("version", "test", "reasons", "degraded")},
        "states": {state.value: count for state, count in sorted(states.items())},
        "oldest": oldest,
        "restored": await spool.restored(),
        "last_sms": utc(await spool.last_notification()),
        **{name: alive.get(name) for name in ("paused", "calls")},
        **{
            name: {kind: sum(pulse.series(kind, now, minutes=minutes, bar=1)) for kind in _KINDS}
            for name, _, minutes in _SPANS
        },
    }


def _here(host: str) -> str:
    """Where a listener is reached from this machine, as a URL spells it."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"  # noqa: PLR2004  # IP version
    return str(address) if address.version == 4 else f"[{address}]"  # noqa: PLR2004  # as above


def _text(shown: Mapping[str, Any], now: float) -> Iterator[str]:
    yield _bridge(shown)
    waits = ", ".join(f"{count} {state}" for state, count in shown["states"].items()) or "nothing"
    yield f"queue      {waits}"
    for channel, at in shown["oldest"].items():
        if at is not None:
            yield f"oldest     {channel}: {_ago(at, now)} ({at})"
    if shown["restored"]:
        yield f"restored   {shown['restored']} SMS are held since the spool is an older copy: queue release --restored"
    for trouble in shown["degraded"] or ():
        yield f"trouble    {trouble}"
    yield f"last SMS   {'none is known' if shown['last_sms'] is None else _ago(shown['last_sms'], now)}"
    for name, title, _ in _SPANS:
        counts = shown[name]
        yield f"{title:<10} {counts['in']} in, {counts['out']} out, {counts['bad']} failed or lost sight of"


def _bridge(shown: Mapping[str, Any]) -> str:
    if not shown["running"]:
        return "bridge     none answers here: what follows is what the spool says (systemctl status smsbridge)"
    state = "ready" if shown["ready"] else f"NOT READY: {'; '.join(shown['reasons'] or ['it does not say why'])}"
    test = ", test mode: no phone gets anything" if shown["test"] else ""
    return f"bridge     {shown['version']}, {state}{test}"


def _ago(at: str, now: float) -> str:

    seconds = max(0.0, now - datetime.fromisoformat(at).timestamp())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
