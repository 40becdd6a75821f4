"""The heartbeat: an SMS to one of our own numbers, which must come back through the webhook.

It is the only proof that everything works which does not depend on somebody writing: our account, the provider, its
network, the way back. The SMS is an ordinary delivery in the spool; it bears its own id under a seal, so that any node
knows it when it comes, whatever number the provider shows as sender, and nobody can make one. That it came back is
kept as a report of that delivery, so it survives a restart.

Time is divided into slots, one SMS in each: whoever comes first sends it, another node or the same after a restart
finds it sent.
"""

import base64
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bridge import metrics
from bridge.config import Configuration
from bridge.log import get_logger
from bridge.message import (
    Channel,
    Clock,
    Delivery,
    IncomingSms,
    NewId,
    OnUnknown,
    Report,
    Reports,
    ReportState,
    Sms,
    encode_sms,
)
from bridge.spool import Accepted, Intake
from bridge.spool.contract import Spool, Taking

EVERY: Final = 5.0
"""Seconds between two looks."""

ROUTE: Final = "heartbeat"
"""The scope of its pauses; rows of routes.toml are named by address or number."""

RETURNED: Final = "the heartbeat came back"
"""The words of the report."""

_WORDS: Final = "smsbridge heartbeat "
_TEXT: Final = re.compile(rf"{_WORDS}([A-Za-z0-9-]{{1,28}})\.([a-z2-7]{{16}})(?![a-z2-7])")
_SEAL_BYTES: Final = 10

_MISSING: Final = (
    "The heartbeat SMS of {sent} did not come back within {minutes:.0f} minutes: it is {state}{reason}. Either no SMS "
    "goes out, or none comes in. See what became of it with: smsbridge queue show {id}. If it was delivered, look "
    "whether the provider reaches the webhook and has its address for the number in [heartbeat]."
)
_BACK: Final = (
    "The heartbeat is back: the SMS of {sent} returned after {minutes:.0f} minutes. SMS go out and come in again."
)


def text(key: bytes, mail_id: str) -> str:
    """What the SMS says; it fits into one part."""
    return f"{_WORDS}{mail_id}.{_seal(key, mail_id)}"


def read(keys: Sequence[bytes], said: str) -> str | None:
    """The id of the heartbeat that an SMS is; None where it is none of ours."""
    found = _TEXT.search(said)
    if found is None:
        return None
    mail_id, seal = found.groups()
    genuine = any(hmac.compare_digest(seal, _seal(key, mail_id)) for key in keys)
    return mail_id if genuine else None


async def returned(mail_id: str, sms: IncomingSms, *, spool: Taking, now: float) -> Accepted:
    """Keep that it came back, once. Raises `StoreUnavailable`."""
    report = Report(
        notification_id=sms.notification_id,
        state=ReportState.DELIVERED,
        client_message_id=f"{mail_id}-1",
        phone=sms.phone,
        text=RETURNED,
    )
    known = await spool.report(report, now)
    _log.info("heartbeat returned", id=mail_id, known=known)
    return Accepted(id=mail_id, repeated=True)  # nothing waits for a mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The heartbeat of one slot."""

    slot: int
    id: str
    at: float  # when it was spooled
    due: float  # when it must be back


class Heartbeat:
    """Sends them and misses them; the daemon calls `once`."""

    def __init__(
        self,
        *,
        spool: Spool,
        configuration: Callable[[], Configuration],
        clock: Clock,
        new_id: NewId,
        wake: Callable[[Channel], None],
    ) -> None:
        self._spool = spool
        self._configuration = configuration
        self._clock = clock
        self._new_id = new_id
        self._wake = wake
        self._beat: Beat | None = None
        self._over = False  # it came back
        self._late = False  # it did not in time
        self._told = False  # the operator knows that they do not come back

    async def once(self) -> None:
        """One look. Raises `StoreUnavailable`."""
        configured = self._configuration().settings
        settings = configured.heartbeat
        if settings.number is None or configured.websms.test:  # a test reaches nobody
            self._beat, self._told, metrics.BEAT_MISSING.value = None, False, None
            return
        now = self._clock()
        slot = int(now // settings.every)
        if self._beat is not None and not self._over:
            await self._look(self._beat, now)
        beat = self._beat
        if beat is None or (beat.slot != slot and (self._over or now > beat.due)):
            self._beat = await self._send(slot, now)
            self._over = self._late = False

    async def _send(self, slot: int, now: float) -> Beat:
        """The heartbeat of a slot, whoever sent it."""
        configuration = self._configuration()
        settings = configuration.settings.heartbeat
        intake = _intake(configuration, self._new_id(), f"heartbeat {settings.every:.0f} {slot}", now)
        accepted = await self._spool.accept(intake)
        metrics.BEAT_MISSING.value = metrics.BEAT_MISSING.value or 0.0
        if not accepted.repeated:
            metrics.HEARTBEATS.of("sent").add()
            _log.info("queued", id=accepted.id, channel="sms", reason="heartbeat")
            self._wake(Channel.SMS)
        # After a restart it has its time again: what came meanwhile met a closed door and comes once more.
        return Beat(slot=slot, id=accepted.id, at=now, due=now + settings.answer)

    async def _look(self, beat: Beat, now: float) -> None:
        found = await self._spool.show(beat.id)
        if not found:  # dropped from the history, or never kept
            self._over = True
            return
        (delivery, events), *_ = found
        came = next((event.at for event in events if event.event == "report" and event.text == RETURNED), None)
        sent = datetime.fromtimestamp(delivery.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        if came is not None:
            self._over = True
            took = max(came - delivery.created_at, 0.0)
            metrics.BEAT_AT.value, metrics.BEAT_TOOK.value, metrics.BEAT_MISSING.value = came, took, 0.0
            metrics.HEARTBEATS.of("returned").add()
            if self._told:
                self._told = False
                _log.warning("heartbeat back", id=beat.id)
                await self._spool.alert(_BACK.format(sent=sent, minutes=took / 60), now)
        elif now > beat.due and not self._late:
            self._late = True
            metrics.BEAT_MISSING.value = 1.0
            metrics.HEARTBEATS.of("missing").add()
            _log.error("heartbeat missing", id=beat.id, reason=delivery.state.value)
            if self._told:
                return
            self._told = True
            reason = f" ({delivery.code} {delivery.reason})" if delivery.reason else ""
            minutes = (beat.due - beat.at) / 60
            words = _MISSING.format(sent=sent, minutes=minutes, state=delivery.state.value, reason=reason, id=beat.id)
            await self._spool.alert(words, now)


def _intake(configuration: Configuration, mail_id: str, notification_id: str, now: float) -> Intake:
    settings = configuration.settings
    sms = Sms(
        text=text(configuration.keys[0], mail_id),
        originator=settings.heartbeat.sender or settings.websms.sender,
        max_parts=1,
    )
    delivery = Delivery(
        id=f"{mail_id}-1",
        mail=mail_id,
        channel=Channel.SMS,
        recipient=settings.heartbeat.number or "",
        payload=encode_sms(sms),
        route=ROUTE,
        reports=Reports.NONE,
        language=settings.language,
        on_unknown=OnUnknown.FAIL,
        created_at=now,
        changed_at=now,
        next_at=now,
        expires_at=now + settings.heartbeat.answer,  # later it would prove nothing
    )
    return Intake(
        id=mail_id, kind="notice", at=now, proof="bridge", deliveries=(delivery,), notification_id=notification_id
    )


def _seal(key: bytes, mail_id: str) -> str:
    made = hmac.digest(key, b"heartbeat\x00" + mail_id.encode(), "sha256")[:_SEAL_BYTES]
    return base64.b32encode(made).decode().lower()


_log = get_logger("heartbeat")
