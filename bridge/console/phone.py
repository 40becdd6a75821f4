"""The demonstration's phone and the mailbox beside it: type an SMS here, see it arrive there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from bridge.console.gate import Visit, see_other
from bridge.console.show import Shown
from bridge.console.sources import Phone, Sources
from bridge.spool.stories import read_mail

MOST_MAILS: Final = 20
"""Mails of the mailbox that are shown, the newest first."""

_MOST_FILES: Final = 5000
_LONGEST_SMS: Final = 1530
_MOST_READ: Final = 64 * 1024
_MOST_ON_SCREEN: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One mail of the Maildir."""

    at: float
    author: str
    subject: str
    text: str
    answers: bool  # stands in a thread


class PhonePage:
    """GET and POST /phone; there only in a demonstration."""

    def __init__(self, sources: Sources, phone: Phone, shown: Shown) -> None:
        self._sources = sources
        self._phone = phone
        self._shown = shown

    async def page(self, visit: Visit) -> web.Response:
        """The screen and the mailbox."""
        mails = await asyncio.to_thread(_mailbox, self._phone.maildir)
        return self._shown.page(
            visit,
            "phone.html",
            number=self._phone.number,
            name=self._sources.configuration().routes.name_of(self._phone.number),
            screen=list(self._phone.screen())[-_MOST_ON_SCREEN:],
            mails=mails,
            longest=_LONGEST_SMS,
        )

    async def write(self, visit: Visit) -> web.Response:
        """Send what was typed."""
        typed = visit.form.get("text", "").replace("\r\n", "\n").strip()[:_LONGEST_SMS]
        if typed:
            await self._phone.write(typed)
        return see_other("/phone")


def _mailbox(path: Path) -> Sequence[Arrived]:
    """The newest mails; a file that goes away meanwhile is none."""
    files: list[tuple[float, Path]] = []
    for folder in ("new", "cur"):
        try:
            entries = list((path / folder).iterdir())[:_MOST_FILES]
            files += [(entry.stat().st_mtime, entry) for entry in entries]
        except OSError:
            continue
    found = []
    for at, file in sorted(files, reverse=True)[:MOST_MAILS]:
        try:
            with file.open("rb") as stream:
                mail = read_mail(stream.read(_MOST_READ))
        except OSError:
            continue
        headers = dict(mail.headers)
        found.append(
            Arrived(
                at=at,
                author=headers.get("From", ""),
                subject=headers.get("Subject", ""),
                text=mail.text,
                answers="In-Reply-To" in headers,
            )
        )
    return found
