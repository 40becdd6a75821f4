"""/metrics: what this process counted (`bridge.metrics`), and what it looks up when it is asked, for Prometheus.

What waits is asked of the spool at that moment and by questions with an end, so the numbers are true after a restart
and for all nodes. An answer is used again for a second: whoever reaches the listener may ask as often as he likes.
"""

import asyncio
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import apsw
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from bridge import __version__, metrics
from bridge.daemon.doors import Doors
from bridge.daemon.footprint import footprint, processes
from bridge.daemon.guard import Guard
from bridge.daemon.store import Store
from bridge.delivery import Agent
from bridge.message import Channel, Clock, StoreUnavailable
from bridge.providers.websms import codes
from bridge.spool.sqlite import SqliteSpool
from bridge.transports import replies
from bridge.webhook import Webhook

PREFIX: Final = "smsbridge_"
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
AGAIN: Final = 1.0
"""Seconds for which an answer is used again."""

_LABELS: Final[Mapping[str, Callable[[str], str]]] = {
    Channel.SMS.value: codes.label,
    Channel.MAIL.value: replies.label,
}
_KINDS: Final = ("account", "route")


class Scrape:
    """Answers /metrics."""

    def __init__(
        self,
        *,
        spool: Store,
        clock: Clock,
        agents: Mapping[Channel, Agent],
        doors: Doors,
        guard: Guard,
        webhook: Webhook | None,
        workers: Sequence[int],
    ) -> None:
        """`workers`: the numbers of the processes beside this one."""
        self._spool = spool
        self._clock = clock
        self._agents = agents
        self._doors = doors
        self._guard = guard
        self._webhook = webhook
        self._processes = processes(workers)
        self._last: tuple[float, bytes] | None = None
        self._turn = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """For the console's listener."""
        return [web.get("/metrics", self._answer)]

    async def _answer(self, _request: web.Request) -> web.Response:
        async with self._turn:  # who asks meanwhile is given the same
            tick = time.monotonic()
            if self._last is None or tick - self._last[0] >= AGAIN:
                self._last = tick, await self.write()
            body = self._last[1]
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    async def write(self) -> bytes:
        """Everything, as Prometheus reads it."""
        registry = CollectorRegistry(auto_describe=False)
        taken = footprint(f"{PREFIX}process_", self._processes)
        registry.register(_Found([*await self._asked(), *self._seen(), *_counted(), *taken]))
        return generate_latest(registry)

    async def _asked(self) -> list[Metric]:
        """Of the spool; without it only that it is away."""
        available = _gauge("spool_available", "1 while the spool answers.")
        depth = _gauge("queue", "Deliveries that are not done.", "channel", "state")
        oldest = _gauge("queue_oldest_seconds", "Age of what has waited longest; 0 where nothing waits.", "channel")
        now = self._clock()
        try:
            for (channel, state), number in (await self._spool.depth()).items():
                depth.add_metric([channel.value, state.value], number)
            for channel in Channel:
                since = await self._spool.oldest(channel)
                oldest.add_metric([channel.value], 0.0 if since is None else max(now - since, 0.0))
        except StoreUnavailable:
            available.add_metric([], 0)
            return [available]
        available.add_metric([], 1)
        return [available, depth, oldest]

    def _seen(self) -> Iterator[Metric]:
        """What stands in this process."""
        yield _info()
        paused = _gauge("paused", "Scopes of which nothing is sent.", "channel", "kind")
        calls = _gauge("calls_in_flight", "Calls under way.", "channel")
        for channel, agent in self._agents.items():
            kinds = Counter("route" if scope else "account" for scope in agent.pauses.scopes)
            for kind in _KINDS:
                paused.add_metric([channel.value, kind], kinds[kind])
            calls.add_metric([channel.value], agent.in_flight)
        yield from (paused, calls)
        yield _gauge("connections_open", "Connections at the mail door.", value=self._doors.connections)
        yield _gauge("doors_closed", "1 while nothing is taken for want of room.", value=float(self._guard.closed))
        heard_at = self._webhook.heard_at if self._webhook is not None else None
        if heard_at is not None:
            silent = max(self._clock() - heard_at, 0.0)
            yield _gauge(
                "webhook_silent_seconds", "Since the provider last called; from its first call on.", value=silent
            )
        if isinstance(self._spool, SqliteSpool):
            free = self._spool.disk.free()
            yield _gauge("disk_free_bytes", "Room on the disk of the spool.", value=free)


class _Found:
    """What a registry asks."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


def _counted() -> Iterator[Metric]:
    for counter in metrics.COUNTERS:
        shown = CounterMetricFamily(PREFIX + counter.name, counter.says, labels=counter.labels)
        for labels, number in _labelled(counter):
            shown.add_metric(labels, number)
        yield shown
    for gauge in metrics.GAUGES:
        if gauge.value is not None:
            yield _gauge(gauge.name, gauge.says, value=gauge.value)
    for histogram in metrics.HISTOGRAMS:
        spreads = HistogramMetricFamily(PREFIX + histogram.name, histogram.says, labels=histogram.labels)
        for values, spread in histogram.items():
            below, buckets = 0, []
            for bound, number in zip((*histogram.bounds, "+Inf"), spread.bins, strict=True):
                below += number
                buckets.append((str(bound), float(below)))
            spreads.add_metric(values, buckets, spread.total)
        yield spreads


def _labelled(counter: metrics.Counter) -> list[tuple[tuple[str, ...], int]]:
    """Codes of answers under the names that their tables have for them."""
    if counter is not metrics.OUTCOMES:
        return list(counter.items())
    found: Counter[tuple[str, ...]] = Counter()
    for (channel, outcome, code), number in counter.items():
        found[channel, outcome, _LABELS[channel](code) if channel in _LABELS else code] += number
    return list(found.items())


def _gauge(name: str, says: str, *labels: str, value: float | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, says, value=value, labels=None if value is not None else labels)


def _info() -> Metric:
    shown = _gauge("build_info", "1; which program this is.", "version", "python", "sqlite")
    shown.add_metric([__version__, platform.python_version(), apsw.sqlite_lib_version()], 1)
    return shown
