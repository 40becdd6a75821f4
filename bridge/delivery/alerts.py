"""Which answers the operator is told of by mail: once for a pause, once for a message, never about a notice."""

from bridge import gsm
from bridge.delivery.pauses import Change
from bridge.message import Channel, Delivery, Receipt, Scope, Verdict, decode_sms
from bridge.spool import NOTICES

_TRIED_AGAIN = (Verdict.TEMPORARY, Verdict.THROTTLED)


def worth_a_mail(delivery: Delivery, receipt: Receipt, change: Change) -> str | None:
    """The sentence for the operator, or None; `delivery.attempts` counts the attempt that was answered."""
    if delivery.route == NOTICES:
        return None  # an alert about an alert would breed
    words = f"{receipt.code} {receipt.text}".strip()
    if change.begun is not None and change.news and receipt.verdict is not Verdict.TEMPORARY:
        what = f"The route {change.begun}" if change.begun else f"All {delivery.channel.value} delivery"
        return f"{what} is paused: {words}. Nothing is lost or bounced while it is; a probe goes now and then."
    if receipt.verdict in (Verdict.OURS, Verdict.THROTTLED) and receipt.scope is not Scope.MESSAGE:
        return None  # the pause says it
    if receipt.verdict is Verdict.OURS:
        return f"The message {delivery.id} is held: {words}. Let it go with: smsbridge queue release {delivery.id}"
    if receipt.alert and (delivery.attempts == 1 or receipt.verdict not in _TRIED_AGAIN):
        return f"The message {delivery.id} had an answer worth a look: {words}."
    return None


def costlier(delivery: Delivery, receipt: Receipt) -> str | None:
    """The sentence for the operator when more SMS were charged than we counted, or None."""
    if receipt.verdict is not Verdict.ACCEPTED or receipt.parts is None or delivery.channel is not Channel.SMS:
        return None
    if receipt.parts <= 1:
        return None  # nothing costs less, whatever it holds
    sms = decode_sms(delivery.payload)
    counted = len(sms.segments) or gsm.count(sms.text).parts
    if sms.voice or receipt.parts <= counted:
        return None
    return (
        f"The message {delivery.id} cost {receipt.parts} SMS where the bridge counted {counted}: check what the "
        "provider charges. Others of this hour are only in the log."
    )
