"""What the author of a mail wants to be told: NOTIFY (RFC 3461), a header field where the row listens to it. Pure."""

from bridge import normalize
from bridge.message import Reports
from bridge.routing import Route
from bridge.text import Letter, fields

_RECEIPTS = ("disposition-notification-to", "return-receipt-to")


def asked(notify: str, route: Route, letter: Letter, sender: str) -> str:
    """NOTIFY in lower case; "" where nothing was asked, so that the row's `reports` decide.

    A field counts only where it names the envelope sender: notices go nowhere else, and RFC 8098 (2.1) wants a person
    to look at any other.
    """
    if notify or route.receipts == "ignore":
        return notify
    named = {
        normalize.address(address) for name in _RECEIPTS for address in fields.addresses(letter.headers.get(name, ()))
    }
    return "success,failure,delay" if named and normalize.address(sender) in named else ""


def told_once(notify: str, route: Route, phones: int) -> bool:
    """Whether success is told when the mail was split up for a group, and not for each phone (RFC 3461, 5.2.7.2)."""
    success = "success" in notify if notify else route.reports is Reports.ALL
    return success and phones > 1 and route.success == "once"


def of_member(notify: str) -> str:
    """What is left of it for a phone of such a group."""
    left = [word for word in (notify or "failure,delay").split(",") if word != "success"]
    return ",".join(left) or "never"
