"""Brings notifications to the bridge, again and again until it confirms or their lifetime ends.

One heap ordered by due time and one task that starts attempts; everything undelivered survives a stop and
start of the simulator. Times are those of the simulator's clock, so a step of the clock makes what it passes
over due.
"""

import asyncio
import heapq
from collections import deque
from contextlib import suppress

import aiohttp
from yarl import URL

from .clock import Clock
from .notifications import Attempt, Notification, confirmed
from .settings import SimulatorSettings

_CONTENT_TYPES = {"json": "application/json;charset=UTF-8", "xml": "application/xml;charset=UTF-8"}
_LONGEST_ANSWER = 64 * 1024
_REMEMBERED_ANSWER = 2000  # characters
_HTTP_OK = 200


class Outbox:
    """All notifications, those under way and those settled."""

    def __init__(self, settings: SimulatorSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._heap: list[tuple[float, int, Notification]] = []
        self._posted = 0
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._client: aiohttp.ClientSession | None = None
        self._loop_task: asyncio.Task[None] | None = None
        self.all: deque[Notification] = deque(maxlen=settings.keep)
        clock.on_step(self._wake.set)

    async def start(self) -> None:
        """Open the client and begin delivering."""
        settings = self._settings
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=settings.notify_idle, ssl=settings.notify_tls or True
        )
        self._client = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=settings.notify_timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )
        self._loop_task = asyncio.create_task(self._run(), name="simulator-outbox")

    async def stop(self) -> None:
        """Abandon attempts under way (they stay due) and close the client."""
        tasks = [task for task in (self._loop_task, *self._running) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
        self._client = self._loop_task = None

    def post(self, notification: Notification) -> None:
        """Deliver when due."""
        self.all.append(notification)
        self._push(notification)

    async def deliver_now(self, notification: Notification) -> None:
        """One attempt before returning; if it fails the usual retries follow."""
        self.all.append(notification)
        await asyncio.wait({self._launch(notification)})

    def again(self, notification: Notification) -> None:
        """Deliver once more although it was confirmed, as if the confirmation had been lost."""
        notification.state = "pending"
        notification.due = self._clock.now()
        self._push(notification)

    async def idle(self) -> None:
        """Return when nothing is under way or due later: all confirmed or expired."""
        await self._idle.wait()

    def clear(self) -> None:
        """Forget every notification, delivered or not."""
        self.all.clear()
        self._heap.clear()
        self._note_idle()

    def _push(self, notification: Notification) -> None:
        self._posted += 1
        heapq.heappush(self._heap, (notification.due, self._posted, notification))
        self._idle.clear()
        self._wake.set()

    def _note_idle(self) -> None:
        if not self._heap and not self._running:
            self._idle.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            wait = self._start_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    def _start_due(self) -> float | None:
        """Start what is due and has a free place; the real seconds until there is more to do."""
        while self._heap and len(self._running) < self._settings.notify_parallel:
            wait = self._clock.real_seconds_until(self._heap[0][0])
            if wait != 0:
                return wait
            self._launch(heapq.heappop(self._heap)[2])
        return None

    def _launch(self, notification: Notification) -> asyncio.Task[None]:
        self._idle.clear()
        task = asyncio.create_task(self._attempt(notification), name="simulator-notify")
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._note_idle()
        self._wake.set()

    async def _attempt(self, notification: Notification) -> None:
        now = self._clock.now()
        if now >= notification.expires and notification.attempts:
            notification.state = "expired"
            return
        try:
            attempt = await self._call(notification, now)
        except asyncio.CancelledError:
            self._push(notification)
            raise
        notification.attempts.append(attempt)
        if attempt.ok:
            notification.state = "confirmed"
            return
        notification.due = now + self._delay(len(notification.attempts))
        if notification.due >= notification.expires:
            notification.state = "expired"
        else:
            self._push(notification)

    def _delay(self, attempts: int) -> float:
        delays = self._settings.retry_delays
        return delays[attempts - 1] if attempts <= len(delays) else self._settings.retry_every

    async def _call(self, notification: Notification, now: float) -> Attempt:
        if self._client is None:
            return Attempt(at=now, error="the simulator is stopped")
        skip = ["Content-Type"] if self._settings.notify_content_type is None else []
        try:
            url, headers = self._address(notification)
            async with self._client.post(
                url, data=notification.body, headers=headers, allow_redirects=False, skip_auto_headers=skip
            ) as response:
                body = await response.content.read(_LONGEST_ANSWER)
                while len(body) < _LONGEST_ANSWER and (more := await response.content.read(_LONGEST_ANSWER)):
                    body += more
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Attempt(at=now, error=f"{type(error).__name__}: {error}")
        ok = response.status == _HTTP_OK and confirmed(self._settings, notification.format, body)
        answer = body.decode("utf-8", "replace")[:_REMEMBERED_ANSWER]
        return Attempt(at=now, http=response.status, answer=answer, ok=ok)

    def _address(self, notification: Notification) -> tuple[URL, dict[str, str]]:
        """The URL without its credentials, and the headers with them."""
        url = URL(notification.url)
        headers = {}
        if url.user is not None or url.password is not None:
            headers["Authorization"] = aiohttp.encode_basic_auth(url.user or "", url.password or "")
            url = url.with_user(None)
        kind = self._settings.notify_content_type
        if kind is not None:
            headers["Content-Type"] = _CONTENT_TYPES[notification.format] if kind == "default" else kind
        return url, headers
