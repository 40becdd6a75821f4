"""What falls due to be told, as ordinary mails: outcomes to authors, what nobody else would learn to the postmaster.

A notice is a delivery on the mail channel like any other. It is committed together with the mark that its outcome was
told, so a crash neither repeats nor forgets one. Outcomes of one mail that fall together become one notice, and notices
to one addressee that are too many become one list an hour.
"""

import itertools
from collections.abc import Callable, Coroutine, Iterator, Sequence

from bridge import metrics
from bridge.config import Configuration, Rate
from bridge.log import get_logger
from bridge.message import Channel, Clock, Delivery, NewId, Reports, StoreUnavailable
from bridge.notices import letters
from bridge.notices.allowance import Allowance
from bridge.spool import NOTICES, Alert, Intake, Telling
from bridge.spool.contract import Spool

EVERY = 0.5
"""Seconds between two looks."""

ALERTS_EVERY = 3600.0
"""Seconds before the postmaster is mailed again about the same kind of thing: the words before the colon are."""

Explain = Callable[[str, str], str | None]
"""A provider's code and a language to the sentence for people, where the provider has one."""

LIFETIME = 5 * 86400.0
_LIMIT = 200  # mails
_MOST_LISTED = 2000  # mails


class Notices:
    """Turns outcomes and alerts into mails; the daemon calls `once`."""

    def __init__(
        self,
        *,
        spool: Spool,
        configuration: Callable[[], Configuration],
        clock: Clock,
        new_id: NewId,
        wake: Callable[[Channel], None],
        explain: Explain = lambda _code, _language: None,
        diagnostics: str = letters.OWN_WORDS,
    ) -> None:
        """`diagnostics` is the type of the provider's codes in a Diagnostic-Code, for example ``x-websms``."""
        self._explain = explain
        self._diagnostics = diagnostics
        self._allowance = Allowance()
        self._spool = spool
        self._configuration = configuration
        self._clock = clock
        self._new_id = new_id
        self._wake = wake
        self._mailed: dict[str, float] = {}  # when, by kind of alert
        self._log = get_logger("notices")

    async def once(self) -> None:
        """One look: every notice that is due is spooled."""
        now = self._clock()
        configuration = self._configuration()
        collect = configuration.settings.notices.collect
        for told_to in self._allowance.lists(now):
            await self._list(configuration, told_to, now)
        due = await self._spool.telling(now - collect, now, _LIMIT)
        for together in await self._affordable(configuration.settings.notices.limit, due, now):
            await self._or_give_up(self._tell(configuration, together, now), together, now)
        alerts = await self._spool.alerts(_LIMIT)
        if news := self._news(alerts, now):
            await self._alert(configuration, news, now)

    async def _or_give_up(self, telling: Coroutine[None, None, None], told: Sequence[Telling], now: float) -> None:
        """One that cannot be written must not silence all others; it is told in the log and never again."""
        try:
            await telling
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001  # logged with its traceback, and the others go on
            self._log.exception("a notice could not be written", id=told[0].delivery.id)
            await self._give_up(told, now)

    async def _affordable(self, limit: Rate, due: Sequence[Telling], now: float) -> list[list[Telling]]:
        """The notices that may go now; what they tell of the others waits for a list."""
        now_due: list[list[Telling]] = []
        later: dict[float, list[tuple[str, str]]] = {}
        for together in _by_notice(due):
            until = self._allowance.until(_told_to(together[0].delivery), limit, now)
            if until is None:
                now_due.append(together)
            else:
                later.setdefault(until, []).extend(_told(together))
        for until, told in later.items():
            await self._spool.postpone(told, until)
            self._log.warning("notices folded", count=len(told), reason="more than [notices] limit")
        return now_due

    async def _tell(self, configuration: Configuration, together: list[Telling], now: float) -> None:
        settings = configuration.settings
        first = together[0]
        told_to = _told_to(first.delivery)
        if first.delivery.channel is Channel.MAIL and first.delivery.recipient == settings.postmaster:
            # The postmaster's own mail failed: there is nobody left to tell but the log.
            self._log.critical("postmaster unreachable", id=first.delivery.id, reason=first.delivery.reason)
            await self._spool.accept(_intake(self._new_id(), now, together))
            return
        original = await self._spool.original(first.delivery.mail) if told_to else None
        language = letters.author_language(original) or settings.notices.language or first.delivery.language
        language = language if told_to else settings.language
        notice = letters.Notice(
            to=told_to or settings.postmaster,
            together=together,
            explained=[self._explained(item, language) for item in together],
            language=language,
            original=original,
            kind=self._diagnostics,
        )
        write = letters.to_author if told_to else letters.to_operator
        await self._send(configuration, notice.to, write(settings, notice, now), together, now)

    def _explained(self, item: Telling, language: str) -> str | None:
        delivery = item.delivery
        return self._explain(delivery.code, language) if delivery.channel is Channel.SMS else None

    async def _list(self, configuration: Configuration, told_to: str, now: float) -> None:
        """One list of all that is owed to an addressee."""
        settings = configuration.settings
        owed = await self._spool.telling(now, now, _MOST_LISTED, told_to=told_to)
        mails = len({(item.delivery.mail, item.told) for item in owed})
        if owed:
            await self._or_give_up(self._tell_all(configuration, told_to, owed, now), owed, now)
        self._allowance.listed(told_to, mails, settings.notices.limit, now)

    async def _tell_all(self, configuration: Configuration, told_to: str, owed: Sequence[Telling], now: float) -> None:
        settings = configuration.settings
        language = settings.notices.language or owed[0].delivery.language
        to, language = (told_to, language) if told_to else (settings.postmaster, settings.language)
        await self._send(configuration, to, letters.digest(settings, to, language, owed, now), owed, now)

    async def _send(
        self, configuration: Configuration, to: str, payload: bytes, told: Sequence[Telling], now: float
    ) -> None:
        notice_id = self._new_id()
        delivery = _delivery(configuration, notice_id, to, payload, now)
        accepted = await self._spool.accept(_intake(notice_id, now, told, delivery))
        if accepted.repeated:  # overtaken by news; the next look tells those
            return
        about, reason = told[0].delivery.mail, told[0].told
        metrics.NOTICES.of(reason).add()
        self._log.info("notice", id=notice_id, recipient=to, about=about, reason=reason, count=len(told))
        self._wake(Channel.MAIL)

    async def _give_up(self, together: Sequence[Telling], now: float) -> None:
        await self._spool.accept(_intake(self._new_id(), now, together))
        await self._spool.alert(f"A notice about {together[0].delivery.mail} could not be written; see the log.", now)

    def _news(self, alerts: Sequence[Alert], now: float) -> Sequence[Alert]:
        """Those to be mailed now: of one kind once an hour, and what gathered meanwhile together. No more gathers than
        one look finds, or what is new would not be seen for the old.
        """
        self._mailed = {kind: at for kind, at in self._mailed.items() if 0 <= now - at < ALERTS_EVERY}
        return alerts if len(alerts) >= _LIMIT else [alert for alert in alerts if _kind(alert) not in self._mailed]

    async def _alert(self, configuration: Configuration, alerts: Sequence[Alert], now: float) -> None:
        settings = configuration.settings
        notice_id = self._new_id()
        payload = letters.alert(settings, alerts, now)
        await self._spool.accept(
            Intake(
                id=notice_id,
                kind="notice",
                at=now,
                proof="bridge",
                deliveries=(_delivery(configuration, notice_id, settings.postmaster, payload, now),),
                alerts_told=[alert.id for alert in alerts],
            )
        )
        self._log.info("notice", id=notice_id, recipient=settings.postmaster, about="alert", count=len(alerts))
        self._mailed |= dict.fromkeys(map(_kind, alerts), now)
        metrics.ALERTS.add(len(alerts))
        self._wake(Channel.MAIL)


def _kind(alert: Alert) -> str:
    return alert.text.partition(":")[0]


def _told_to(delivery: Delivery) -> str:
    """The proven envelope sender of an SMS; "" where nobody but the operator may be told."""
    return delivery.sender if delivery.channel is Channel.SMS else ""


def _told(together: Sequence[Telling]) -> list[tuple[str, str]]:
    return [(item.delivery.id, item.told) for item in together]


def _by_notice(due: Sequence[Telling]) -> Iterator[list[Telling]]:
    def key(item: Telling) -> tuple[str, str, str]:
        return (item.delivery.mail, item.told, _told_to(item.delivery))

    for _, group in itertools.groupby(sorted(due, key=key), key=key):
        yield list(group)


def _intake(notice_id: str, now: float, told: Sequence[Telling], *deliveries: Delivery) -> Intake:
    return Intake(id=notice_id, kind="notice", at=now, proof="bridge", deliveries=deliveries, told=_told(told))


def _delivery(configuration: Configuration, notice_id: str, to: str, payload: bytes, now: float) -> Delivery:
    # A notice that fails goes to the postmaster once; what fails there is logged and goes nowhere.
    return Delivery(
        id=f"{notice_id}-1",
        mail=notice_id,
        channel=Channel.MAIL,
        recipient=to,
        payload=payload,
        sender="",
        route=NOTICES,
        reports=Reports.FAILURES,
        language=configuration.settings.language,
        created_at=now,
        changed_at=now,
        next_at=now,
        expires_at=now + LIFETIME,
    )
