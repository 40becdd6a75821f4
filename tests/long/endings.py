"""Sixteen ways to end a mail that are none: what follows must never become a second mail (SMTP smuggling).

The client is logged in: to strangers the rule that nothing may follow a DATA unasked is protection enough. Each is
tried in one write and octet by octet. Whether the daemon refuses the mail or takes it with the rest as its text
is its own choice; that the phone of the second mail stays silent is none.
"""

import asyncio
import itertools
from base64 import b64encode

from tests.flows.rig import ADDRESS, ANNA
from tests.long.doors import PASSWORD, USER, Doors
from tests.long.talk import Talk

TRICKS = (
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\n.\r",
    b"\r.\n",
    b"\n\n.\r\n",
    b"\r\n\n.\r\n",
    b"\r\r\n.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n..\r\n",
    b"\r\n. \r\n",
)
SMUGGLED, SMUGGLED_ADDRESS = "436600000088", "00436600000088@sms.example.com"
PATIENCE = 10.0
_LOGIN = "AUTH PLAIN " + b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
_REST = f"MAIL FROM:<{ANNA}>\r\nRCPT TO:<{SMUGGLED_ADDRESS}>\r\nDATA\r\nSubject: x\r\n\r\nsmuggled\r\n.\r\n".encode()


async def prove(doors: Doors) -> list[str]:
    """What went wrong."""
    tries = list(itertools.product(TRICKS, (False, True)))
    counts = await asyncio.gather(*(_try(doors, trick, piecewise=piecewise) for trick, piecewise in tries))
    wrong = [f"{one!r} made {taken} mails of one" for one, taken in zip(tries, counts, strict=True) if taken > 1]
    await doors.bridge.drained()
    if any(SMUGGLED in message.recipients for message in doors.simulator.messages):
        wrong.append("a smuggled SMS was sent")
    real = await _try(doors, b"\r\n.\r\n", piecewise=False)
    if real != 2:  # or this would prove nothing
        wrong.append(f"with the right ending two mails are {real}")
    return wrong


async def _try(doors: Doors, trick: bytes, *, piecewise: bool) -> int:
    """How many mails were taken."""
    talk = await Talk.connect(doors.implicit, PATIENCE, context=doors.context)
    try:
        await talk.reply()
        for line in ("EHLO client.example.org", _LOGIN, f"MAIL FROM:<{ANNA}>", f"RCPT TO:<{ADDRESS}>", "DATA"):
            await talk.say(f"{line}\r\n".encode())
            await talk.reply()
        octets = f"Subject: x\r\n\r\ntrick {trick!r} {piecewise}".encode() + trick + _REST + b"QUIT\r\n"
        for piece in [octets[at : at + 1] for at in range(len(octets))] if piecewise else [octets]:
            await talk.say(piece)
        taken = 0
        while (reply := await talk.reply()) is not None:
            taken += "queued as" in reply.text
        return taken
    finally:
        talk.drop()
