"""What the doors hand in, as words of a link, and back.

Tuples of plain values, since what a door hands in passes a link for every mail: `pickle` takes ten times as long for
nouns with slots, and can run code.
"""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import fields
from enum import StrEnum
from io import BytesIO
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, get_type_hints

from bridge.config import Configuration, Endpoint
from bridge.limits import Asking, Forwarding, Payable, Wanted
from bridge.message import Bounce, Delivery, Fate, Report, ReportState
from bridge.nouns import reader
from bridge.smtpd.contract import Reply
from bridge.smtpd.desk import Taken
from bridge.smtpd.returned import Settling
from bridge.spool import Accepted, Conversation, Intake
from bridge.spool.deliveries import COLUMNS, from_row

_NESTED: Final = ("deliveries", "conversations")
_PLAIN: Final = tuple(field.name for field in fields(Intake) if field.name not in _NESTED)
_CONVERSATION: Final = tuple(field.name for field in fields(Conversation))
_WORDS: Final = {
    name for name, kind in get_type_hints(Delivery).items() if isinstance(kind, type) and issubclass(kind, StrEnum)
}
_plain = attrgetter(*_PLAIN)
_delivery = attrgetter(*(f"{name}.value" if name in _WORDS else name for name in COLUMNS))
_conversation = attrgetter(*_CONVERSATION)


def pack_intake(intake: Intake) -> tuple[Any, ...]:
    """An intake."""
    return (
        _plain(intake),
        [_delivery(delivery) for delivery in intake.deliveries],
        [_conversation(one) for one in intake.conversations],
    )


def pack_conversation(conversation: Conversation | None) -> tuple[Any, ...] | None:
    """A conversation, where there is one."""
    return None if conversation is None else _conversation(conversation)


def unpack_conversation(packed: tuple[Any, ...] | None) -> Conversation | None:
    """The same again."""
    return None if packed is None else Conversation(**dict(zip(_CONVERSATION, packed, strict=True)))


def _intake_reader() -> Callable[[tuple[Any, ...]], Intake]:
    values = {name: f"row[0][{at}]" for at, name in enumerate(_PLAIN)}
    values["deliveries"] = "[delivery(one) for one in row[1]]"
    values["conversations"] = "[conversation(one) for one in row[2]]"
    return reader(Intake, values, delivery=from_row, conversation=unpack_conversation)


unpack_intake = _intake_reader()
"""The same again."""


def pack_report(report: Report) -> tuple[Any, ...]:
    """A handset report."""
    return (
        report.notification_id,
        report.state.value,
        report.client_message_id,
        report.transfer_id,
        report.phone,
        report.text,
    )


def unpack_report(packed: tuple[Any, ...]) -> Report:
    """The same again."""
    notification_id, state, client_message_id, transfer_id, phone, text = packed
    return Report(
        notification_id=notification_id,
        state=ReportState(state),
        client_message_id=client_message_id,
        transfer_id=transfer_id,
        phone=phone,
        text=text,
    )


def pack_accepted(accepted: Accepted) -> tuple[Any, ...]:
    """What `accept` did."""
    return accepted.id, accepted.repeated, accepted.differs


def unpack_accepted(packed: tuple[Any, ...]) -> Accepted:
    """The same again."""
    mail, repeated, differs = packed
    return Accepted(id=mail, repeated=repeated, differs=differs)


def pack_payable(wanted: Payable) -> tuple[Any, ...]:
    """What something costs."""
    if isinstance(wanted, Wanted):
        return ("wanted", wanted.sender, wanted.recipients, wanted.route, wanted.urgent)
    if isinstance(wanted, Forwarding):
        return ("forwarding", wanted.client)
    return ("asking", wanted.sender, wanted.answers)


def unpack_payable(packed: tuple[Any, ...]) -> Payable:
    """The same again."""
    kind, *rest = packed
    if kind == "wanted":
        sender, recipients, route, urgent = rest
        return Wanted(sender=sender, recipients=recipients, route=route, urgent=urgent)
    if kind == "forwarding":
        return Forwarding(client=rest[0])
    return Asking(sender=rest[0], answers=rest[1])


def pack_taken(taken: Taken) -> tuple[Any, ...]:
    """What became of an intake."""
    accepted = taken.accepted
    return None if accepted is None else pack_accepted(accepted), taken.reached, taken.fault


def unpack_taken(packed: tuple[Any, ...]) -> Taken:
    """The same again."""
    kept, reached, fault = packed
    return Taken(accepted=None if kept is None else unpack_accepted(kept), reached=reached, fault=fault)


def pack_reply(reply: Reply) -> tuple[Any, ...]:
    """A reply; `Reply(*packed)` is the same again."""
    return reply.code, reply.status, reply.text


def pack_settling(settling: Settling) -> tuple[Any, ...]:
    """What a bounce says."""
    bounce = settling.bounce
    return settling.deliveries, bounce.fate.value, bounce.status, bounce.text, bounce.digest


def unpack_settling(packed: tuple[Any, ...]) -> Settling:
    """The same again."""
    deliveries, fate, status, text, digest = packed
    return Settling(deliveries=deliveries, bounce=Bounce(fate=Fate(fate), status=status, text=text, digest=digest))


def _view(thing: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(thing)


class _Pickler(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        """Views of dicts, which pickle leaves out."""
        return (_view, (dict(thing),)) if isinstance(thing, MappingProxyType) else NotImplemented


def pack_configuration(configuration: Configuration) -> bytes:
    """All that was configured: seldom, and from the daemon to its own processes only, never the other way."""
    file = BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(configuration)
    return file.getvalue()


def pack_endpoints(endpoints: Sequence[Endpoint], count: int) -> bytes:
    """How the first of so many sockets are served; as seldom."""
    return pickle.dumps((list(endpoints), count))


def unpack_endpoints(packed: bytes) -> tuple[list[Endpoint], int]:
    """The same again."""
    endpoints, count = pickle.loads(packed)  # noqa: S301  # as below
    return endpoints, count


def unpack_configuration(packed: bytes) -> Configuration:
    """The same again."""
    configuration: Configuration = pickle.loads(packed)  # noqa: S301  # from the process that started this one
    return configuration
