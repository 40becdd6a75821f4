"""A small scripted run through everything, and the reckoning afterwards: who got what, and how often.

Three mails, one of them to a group; two SMS, one of them from a phone that was written to; the answer to that one; the
reports of those phones that report. Whoever gets no answer comes again with the same, as mail servers and the provider
do, so the script runs to its end through any number of deaths.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message

from bridge.simulator import Simulator
from tests.flows.programs import address
from tests.flows.rig import ADDRESS, ANNA, LINE, PHONE, ROUTES, SILENT, SILENT_ADDRESS, Bridge
from tests.long import kill
from tests.long.load import CALLER, LONG, ROUTE, Load, Mail, text_of
from tests.long.spools import Rows, Spool, Unreadable
from tests.wait import until

GROUP_ADDRESS, GROUP = "all@sms.example.com", ("436600000002", "436600000019")
SCENE_ROUTES = f"""{ROUTES}{ROUTE}
[[route]]
address = "{GROUP_ADDRESS}"
number = ["{GROUP[0]}", "{GROUP[1]}"]
allow = ["*@example.org"]
"""

_DONE = {"sent", "delivered", "unknown"}


@dataclass(slots=True)
class Scene:
    """The script, on one bridge with one provider and one mailbox."""

    bridge: Bridge
    simulator: Simulator
    spool: Spool
    mails: Callable[[], list[Message]]  # what has arrived
    phones: dict[int, tuple[str, ...]] = field(default_factory=dict)  # who gets which mail
    load: Load = field(init=False)

    def __post_init__(self) -> None:
        self.load = Load(self.bridge, self.simulator, 0.0)

    async def play(self) -> None:
        """Return when everything was said and answered, and nothing waits."""
        self.load.texts.append(await self.simulator.incoming(phone=CALLER, line=LINE, text="SMS 0000000"))
        await asyncio.gather(
            self._post(ADDRESS, PHONE), self._post(GROUP_ADDRESS, *GROUP), self._post(SILENT_ADDRESS, SILENT)
        )
        written = await self.simulator.incoming(phone=PHONE, line=LINE, text="SMS 0000001")
        self.load.texts.append(written)
        arrived = await until(lambda: self._relayed(written.id), "the phone's SMS has arrived", LONG)
        await self._post(address(arrived["Reply-To"]), PHONE, In_Reply_To=str(arrived["Message-ID"]))
        await self.quiet()

    async def quiet(self) -> None:
        """Nothing waits any more, neither here nor at the provider."""
        await until(self._is_done, "nothing waits but what is unknown", LONG)
        async with asyncio.timeout(LONG):
            await self.simulator.idle()
        await until(self._is_done, "nothing waits but what is unknown", LONG)

    def wrong(self) -> list[str]:
        """Every mail and SMS that was acknowledged, against what arrived."""
        arrived = Counter((phone, one.text) for one in self.simulator.messages for phone in one.recipients)
        ids = Counter(one.client_message_id for one in self.simulator.messages)
        found = [f"{name} reached the provider {times} times" for name, times in ids.items() if times > 1]
        numbers = {mail.id: mail.number for mail in self.load.mails}
        stored = Counter[tuple[str, str]]()
        for _, mail, channel, phone, state in self._rows():
            if channel != "sms":
                continue
            if mail not in numbers:
                found.append(f"{mail} is in the spool, and nobody was told that id")
                continue
            one = (phone, text_of(numbers[mail]))
            stored[one] += 1
            times = arrived[one]
            if state == "unknown" and not (phone[-1] != "9" and times):
                continue  # a phone that says what it got would have settled it
            if times != 1:
                found.append(f"{one} is {state} and arrived {times} times")
        wanted = {(phone, text_of(number)) for number, phones in self.phones.items() for phone in phones}
        found += [f"{one} is in the spool {stored[one]} times" for one in wanted | stored.keys() if stored[one] != 1]
        found += [f"{one} arrived {times} times" for one, times in arrived.items() if times > 1]
        found += [f"{one} arrived, and nobody wrote it" for one in arrived.keys() - wanted]
        return found + self._wrong_mails()

    @property
    def unknown(self) -> int:
        """How many SMS are listed so."""
        return sum(state == "unknown" for *_, state in self._rows())

    def _wrong_mails(self) -> list[str]:
        figures = kill.Figures(seed=0, kills=1)
        kill.reconcile_mail(figures, self.mails(), self.simulator, self.load)
        others = [mail["Subject"] for mail in self.mails() if mail["X-SMS-Notification-Id"] is None]
        return [*figures.wrong, *(f"a mail nobody waited for: {subject}" for subject in others)]

    async def _post(self, to: str, *phones: str, **headers: str) -> None:
        number = len(self.load.mails)
        self.phones[number] = phones
        named = {
            "From": ANNA,
            "To": to,
            "Message-ID": f"<{number}.scene@example.org>",
            "Date": "Sat, 21 Nov 2026 10:00:00 +0100",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        mail = Mail(number=number, content=f"{head}\r\n{text_of(number)}".encode(), to=to)
        self.load.mails.append(mail)
        client = await self.load.post(mail)
        if client is not None:
            await client.close()

    def _relayed(self, notification: str) -> Message | None:
        return next((mail for mail in self.mails() if mail["X-SMS-Notification-Id"] == notification), None)

    def _is_done(self) -> bool:
        try:
            rows = self._rows()
        except Unreadable:
            return False  # the daemon has just died, or makes its tables
        return bool(rows) and all(state in _DONE for *_, state in rows)

    def _rows(self) -> Rows:
        return self.spool.rows("SELECT id, mail, channel, recipient, state FROM deliveries")
