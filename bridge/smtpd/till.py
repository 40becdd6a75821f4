"""The till at the door: what the recipients of a mail cost of which limits, and the 450 when one is reached."""

from collections.abc import Callable, Sequence

from bridge import metrics
from bridge.access import inside
from bridge.config import Configuration, Rate
from bridge.limits import Asking, Forwarding, Limits, Payable, Wanted
from bridge.log import get_logger
from bridge.message import Clock, StoreUnavailable
from bridge.smtpd import admission
from bridge.smtpd.bell import Bell
from bridge.smtpd.contract import Peer, Reply
from bridge.smtpd.intake import Forward, Target

Paid = list[Payable]

STORE = Reply(451, "4.3.0", "cannot store the mail now, try again later")
_BLOCKED = Reply(550, "5.7.1", "the provider sends nothing to this number; its owner may have blocked it")


class Till:
    """Asks and takes; the operator hears of every limit that is reached, once an hour."""

    def __init__(self, *, limits: Limits, configuration: Callable[[], Configuration], clock: Clock, bell: Bell) -> None:
        self._limits = limits
        self._configuration = configuration
        self._clock = clock
        self._bell = bell
        self._log = get_logger("smtpd")

    def refusal(self, peer: Peer, item: Target | Forward) -> Reply | None:
        """Why a recipient cannot be taken now; None: it can, and nothing is paid yet."""
        now = self._clock()
        if isinstance(item, Target) and self._limits.refuses(item.numbers, now):
            return _BLOCKED
        wanted = self._wanted(peer, item)
        if wanted is None:
            return None
        reached = self._limits.reached(self._configuration().settings.limits, wanted, now)
        return None if reached is None else self._too_many(wanted, reached)

    async def take(self, peer: Peer, items: Sequence[Target | Forward | Asking]) -> Paid | Reply:
        """Pay for all recipients of a mail, or for none and say why."""
        paid: Paid = [wanted for item in items if (wanted := self._wanted(peer, item)) is not None]
        try:
            reached = await self._limits.pay(self._configuration().settings.limits, paid, self._clock())
        except StoreUnavailable as error:
            self._log.error("spool unavailable", reason=str(error))
            return STORE
        return paid if reached is None else self._too_many(*reached)

    def left(self, peer: Peer, item: Target) -> dict[str, tuple[int, Rate]]:
        """What of which limit this recipient leaves."""
        wanted = self._wanted(peer, item)
        if not isinstance(wanted, Wanted):
            return {}
        return self._limits.left(self._configuration().settings.limits, wanted, self._clock())

    def give_back(self, paid: Paid) -> None:
        """What was paid for was not kept after all."""
        self._limits.give_back(self._configuration().settings.limits, paid, self._clock())

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

    def _too_many(self, wanted: Payable, reached: str) -> Reply:
        metrics.LIMITS.of(reached).add()
        urgent = isinstance(wanted, Wanted) and wanted.urgent
        self._bell.ring(f"limit {reached} {urgent}", _alert(wanted, reached))
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
