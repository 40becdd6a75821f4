"""SMS of a mail that are accepted and wait for a person, because two machines seem to be talking to each other."""

from dataclasses import replace

from structlog.typing import FilteringBoundLogger

from bridge.exchanges import MOST, QUICK, Exchanges
from bridge.message import Channel, Delivery, State
from bridge.smtpd.bell import Ring
from bridge.spool import Intake

REASON = f"more than {MOST} quick exchanges in an hour: two machines seem to answer each other"


def hold(intake: Intake, exchanges: Exchanges, *, answers: bool) -> Intake:
    """The intake with those of its SMS held whose author and phone have had too many quick exchanges.

    Only of a mail that answers another or goes to an answer address: an alarm that comes while somebody acknowledges
    the last ones by SMS is no answer, however quick. Urgent rows are spared: who is on call may acknowledge a storm
    of alarms faster than a machine. Their own limits bound what a loop there costs.
    """
    if not answers:
        return intake
    deliveries = [
        replace(delivery, state=State.HELD, reason=REASON)
        if not delivery.urgent and _too_many(intake, delivery, exchanges)
        else delivery
        for delivery in intake.deliveries
    ]
    return replace(intake, deliveries=deliveries)


def note(intake: Intake, exchanges: Exchanges, ring: Ring, log: FilteringBoundLogger, *, answers: bool) -> None:
    """Count what was accepted, and tell the operator of what is held or should be."""
    for delivery in intake.deliveries:
        if delivery.channel is not Channel.SMS:
            continue
        held = delivery.state is State.HELD
        if held or (answers and _too_many(intake, delivery, exchanges)):
            log.warning("held" if held else "not held", id=delivery.id, recipient=delivery.recipient, reason=REASON)
            ring(f"exchanges {_author(intake, delivery)} {delivery.recipient}", _alert(intake, delivery))
        exchanges.wrote(_author(intake, delivery), delivery.recipient, intake.at, held=held, answers=answers)


def _too_many(intake: Intake, delivery: Delivery, exchanges: Exchanges) -> bool:
    author = _author(intake, delivery)
    return delivery.channel is Channel.SMS and exchanges.are_too_many(author, delivery.recipient, intake.at)


def _author(intake: Intake, delivery: Delivery) -> str:
    return delivery.author or intake.peer


def _alert(intake: Intake, delivery: Delivery) -> str:
    what = (
        f"The SMS {delivery.id} and all that follow in this hour are held. Let them go with: smsbridge queue release ID"
        if delivery.state is State.HELD
        else f"The SMS {delivery.id} goes out all the same, because its route {delivery.route} is urgent."
    )
    return (
        f"{_author(intake, delivery)} and +{delivery.recipient} have answered each other more than {MOST} times in an "
        f"hour, each time within {QUICK:.0f} s: two machines seem to talk. {what}"
    )
