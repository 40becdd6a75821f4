"""The till at the door: what the recipients of a mail cost of which limits, and the 450 when one is reached.

The desk takes what it costs (`bridge.smtpd.desk`); here it is only asked whether that would do.
"""

from collections.abc import Callable, Sequence

from bridge import metrics
from bridge.access import inside
from bridge.config import Configuration
from bridge.limits import Asking, Forwarding, Limits, Payable, Wanted
from bridge.message import Clock
from bridge.smtpd import admission
from bridge.smtpd.bell import Ring
from bridge.smtpd.contract import Peer, Reply
from bridge.smtpd.intake import Forward, Target

_BLOCKED = Reply(550, "5.7.1", "the provider sends nothing to this number; its owner may have blocked it")


class Till:
    """Says what is owed; the operator hears of every limit that is reached, once an hour."""

    def __init__(self, *, limits: Limits, configuration: Callable[[], Configuration], clock: Clock, ring: Ring) -> None:
        self._limits = limits
        self._configuration = configuration
        self._clock = clock
        self._ring = ring

    def refusal(self, peer: Peer, item: Target | Forward) -> Reply | None:
        """Why a recipient cannot be taken now; None: it can, and nothing is paid yet."""
        now = self._clock()
        if isinstance(item, Target) and self._limits.refuses(item.numbers, now):
            return _BLOCKED
        wanted = self._wanted(peer, item)
        if wanted is None:
            return None
        reached = self._limits.reached(self._configuration().settings.limits, wanted, now)
        return None if reached is None else self.too_many(wanted, reached)

    def owed(self, peer: Peer, items: Sequence[Target | Forward | Asking]) -> list[Payable]:
        """What all recipients of a mail cost."""
        return [wanted for item in items if (wanted := self._wanted(peer, item)) is not None]

    def _wanted(self, peer: Peer, item: Target | Forward | Asking) -> Payable | None:
        """What a recipient costs; None: nothing, since the operator's own people write to him as they like."""
        if isinstance(item, Target):
            # Who is proven pays himself; who is not shares with everybody behind that address.
            sender, route = item.proof.sender or peer.host, item.route
            return Wanted(sender=sender, recipients=item.numbers, route=route.name, urgent=route.urgent)
        if isinstance(item, Asking):
            return item
        address = admission.peer_address(peer.host)
        if peer.user is not None or inside(address, self._configuration().settings.smtpd.networks):
            return None
        return Forwarding.of(address)

    def too_many(self, wanted: Payable, reached: str) -> Reply:
        """The reply to a mail that would break this limit."""
        self._limits.note_reached(self._configuration().settings.limits, wanted, reached, self._clock())
        metrics.LIMITS.of(reached).add()
        urgent = isinstance(wanted, Wanted) and wanted.urgent
        self._ring(f"limit {reached} {urgent}", _alert(wanted, reached))
        what = "SMS" if isinstance(wanted, Wanted) else "mails"
        return Reply(450, "4.7.1", f"too many {what} for now (limit of {reached}), try again later")


def _alert(wanted: Payable, reached: str) -> str:
    others = "Others of this hour are only in the log."
    if isinstance(wanted, Asking):
        return f"The limit of {reached} is reached: mails of {wanted.sender} to check+ are answered 450. {others}"
    if isinstance(wanted, Forwarding):
        who = wanted.client or "a client on this machine"
        return (
            f"The limit of {reached} is reached: those from {who} to postmaster and abuse are answered 450 and may "
            f"come again later. {others}"
        )
    return (
        f"The limit of {reached} is reached: a mail of {wanted.sender} to the route {wanted.route} was answered 450, "
        "and its server will try again later. If no device and no loop runs wild, raise the limit in [limits] of "
        f"bridge.toml. {others}"
    )
