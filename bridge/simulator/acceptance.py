"""The moment a message is accepted: its ids, its record, its line in the log, the reports it will cause.

Several tests turn on this moment: what was accepted here is what a phone would have received, whatever the
client was told. So the log line is on the disk before the answer is written, and outlives a killed client, a
killed simulator and a power cut. The disk is waited for on the loop: an order of lines is worth more here.
"""

import json
import os
import stat
from collections import deque
from collections.abc import Mapping
from typing import Any

from .accounts import Ledger
from .answers import Answer
from .checks import Case, binary_segments, rejected_recipients
from .clock import Clock
from .messages import Message, Refused
from .notifications import Notification, incoming_fields, report_fields
from .outbox import Outbox
from .phones import plan, shuffled
from .settings import Account, SimulatorSettings

_COUNTER = 16**10  # the last ten hex digits of an id


class Acceptance:
    """Everything the provider knows beyond its settings."""

    def __init__(self, settings: SimulatorSettings, clock: Clock, outbox: Outbox) -> None:
        self.settings = settings
        self.clock = clock
        self.ledger = Ledger(settings, clock)
        self.messages: deque[Message] = deque(maxlen=settings.keep)
        self.tested: deque[Message] = deque(maxlen=settings.keep)  # test: true
        self.refused: deque[Refused] = deque(maxlen=settings.keep)
        self.scripts: dict[str, tuple[str, ...]] = {}
        self.accepted = 0
        self._outbox = outbox
        self._counter = int(clock.now() * 1000) % _COUNTER  # so that a new simulator does not repeat ids
        self._answers: dict[tuple[str, str], Answer] = {}
        self._log: int | None = None

    def open_log(self) -> None:
        """Open the accept log, if one is set, for appending."""
        if self.settings.accept_log is not None and self._log is None:
            self._log = os.open(self.settings.accept_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def close_log(self) -> None:
        """Close it."""
        if self._log is not None:
            os.close(self._log)
            self._log = None

    async def accept(
        self, case: Case, *, path: str, raw: bytes, headers: Mapping[str, str], credentials: str
    ) -> Answer:
        """Take the message in and give the answer of success."""
        settings = self.settings
        key = (case.account.user, case.submission.client_message_id or "")
        if key[1] and settings.deduplicate and key in self._answers:
            return self._answers[key]
        message = self._message(case, path=path, raw=raw, headers=headers, credentials=credentials)
        queued = len(message.recipients) > settings.queue_threshold
        answer = Answer(
            code=2001 if queued else 2000,
            message="OK_QUEUED" if queued else "OK",
            client_message_id=message.client_message_id,
            transfer_id=message.transfer_id,
            sms_count=message.sms_count,
        )
        if message.test:
            self.tested.append(message)
            return answer
        if settings.deduplicate:
            self._answers[key] = answer
        self.accepted += 1
        self.messages.append(message)
        self._write_log(message)
        self.ledger.use(case.account, message.parts * len(message.recipients))
        await self._post_reports(message, case)
        return answer

    def _message(self, case: Case, *, path: str, raw: bytes, headers: Mapping[str, str], credentials: str) -> Message:
        submission, settings = case.submission, self.settings
        fields, recipients = submission.fields, tuple(submission.recipients)
        sms_count = case.parts * (len(recipients) if settings.sms_count_per_recipient else 1)
        now = self.clock.now()
        is_text = submission.kind == "text"
        return Message(
            at=now,
            path=path,
            kind=submission.kind,
            recipients=recipients,
            text=fields["messageContent"] if is_text else None,
            binary=() if is_text else tuple(binary_segments(fields["messageContent"])),
            sender=fields.get("senderAddress", case.account.default_sender).removeprefix("+"),
            client_message_id=submission.client_message_id,
            transfer_id=f"00{int(now):08x}{self._next():010x}",
            parts=case.parts,
            sms_count=0 if submission.test and settings.test_sms_count_zero else sms_count,
            validity=fields.get("validityPeriode", settings.lifetime),
            test=submission.test,
            fields=fields,
            raw=raw,
            headers=headers,
            credentials=credentials,
            account=case.account.user,
        )

    def _next(self) -> int:
        self._counter = (self._counter + 1) % _COUNTER
        return self._counter

    def _write_log(self, message: Message) -> None:
        if self._log is None:
            return
        line = {
            "at": message.at,
            "recipients": message.recipients,
            "client_message_id": message.client_message_id,
            "transfer_id": message.transfer_id,
            "text": message.text,
            "parts": message.parts,
        }
        os.write(self._log, json.dumps(line, separators=(",", ":")).encode() + b"\n")
        if self.settings.accept_log_fsync and stat.S_ISREG(os.fstat(self._log).st_mode):
            os.fdatasync(self._log)

    async def _post_reports(self, message: Message, case: Case) -> None:
        """Set the reports on their way; with ``report_first`` the first arrives before the answer."""
        url = message.fields.get("notificationCallbackUrl") or case.account.report_url
        if not url:
            return
        reports = self._reports(message, case, url)
        if self.settings.report_first and reports:
            await self._outbox.deliver_now(reports.pop(0))
        for report in reports:
            self._outbox.post(report)

    def _reports(self, message: Message, case: Case, url: str) -> list[Notification]:
        settings = self.settings
        copies = (message.parts if settings.per_segment else 1) * (2 if settings.report_duplicate else 1)
        rejected = rejected_recipients(case)
        reports: list[Notification] = []
        for recipient in message.recipients:
            script = ("rejected",) if recipient in rejected else self.scripts.get(recipient)
            steps = plan(
                recipient,
                script,
                validity=message.validity,
                delay=settings.report_delay,
                gap=settings.report_gap,
            )
            id_ = ""
            for place, step in enumerate(shuffled(steps, reverse=settings.report_reverse, copies=copies)):
                if settings.report_duplicate != "same_id" or place % 2 == 0:
                    id_ = self.notification_id()
                due = message.at + step.after
                body = report_fields(settings, message, recipient, step.status, id_=id_, now=due)
                reports.append(self._notification(url, body, case.account, due=due, lifetime=message.validity))
        return reports

    def _notification(
        self, url: str, fields: dict[str, Any], account: Account, *, due: float, lifetime: float
    ) -> Notification:
        return Notification(
            id=fields["notificationId"],
            url=url,
            fields=fields,
            format=account.notify_format,
            created=self.clock.now(),
            due=due,
            expires=due + lifetime,
        )

    def notification_id(self) -> str:
        """A fresh one: 20 hex digits, or 19 decimal ones by setting."""
        if self.settings.notification_id_decimal:
            return f"528{self._next() % 10**16:016d}"
        return f"03{int(self.clock.now()):08x}{self._next():010x}"

    def incoming(
        self, *, url: str | None, account: str | None, notification_id: str | None, **content: Any
    ) -> Notification:
        """Post an incoming message (`content`: see `incoming_fields`); ValueError without a URL."""
        owner = next((a for a in self.settings.accounts if a.user == account), self.settings)
        target = url or owner.notify_url
        if target is None:
            raise ValueError("no notify_url is set and none was given")
        fields = incoming_fields(self.settings, id_=notification_id or self.notification_id(), **content)
        notification = self._notification(target, fields, owner, due=self.clock.now(), lifetime=self.settings.lifetime)
        self._outbox.post(notification)
        return notification
