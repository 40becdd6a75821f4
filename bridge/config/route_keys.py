"""Every key of a row of routes.toml in one literal table, with the readers only rows need."""

import re
from typing import Final

from bridge.config.addresses import (
    address_or_domain,
    country_or_prefix,
    line,
    mail_address,
    originator,
    pattern,
    phone,
)
from bridge.config.network import peers
from bridge.config.problems import Invalid, Reported, did_you_mean, shown
from bridge.config.reading import Key, Place, list_of, one_of
from bridge.config.values import boolean, duration, integer, text

LOCAL: Final = "{local}"
_EXAMPLE: Final = '["+43 660 0000000", "+43 660 0000001"]'
_LONGEST_NAME: Final = 100
_LONGEST_TEMPLATE: Final = 200
_LONGEST_END_MARK: Final = 60
_SUBJECTS: Final = ("prefix", "ignore", "only")
_POSSIBLE_IN_NUMBER: Final = re.compile(r"\+?[0-9./()-]*")


def _number(value: object, place: Place) -> tuple[str, ...]:
    """One number, a group, or ``{local}``, which comes back as the only element."""
    if isinstance(value, list):
        return _group(value, place)
    if value == LOCAL:
        return (LOCAL,)
    if isinstance(value, str) and "{" in value:
        raise Invalid(f"{shown(value)} is not a number", f'did you mean "{LOCAL}"?')
    return (phone(value, place),)


def _group(value: list[object], place: Place) -> tuple[str, ...]:
    found = list_of(_member, example=_EXAMPLE, at_least=1)(value, place)
    repeated = False
    for index, one in enumerate(found):
        first = found.index(one)
        if first < index:
            place.at(index).problem(f"{shown(value[index])} stands in this group twice", "remove one of them")
            repeated = True
    if repeated:
        raise Reported
    return found


def _member(value: object, place: Place) -> str:
    if value == LOCAL:
        raise Invalid(f"{LOCAL} cannot be part of a group", f'write number = "{LOCAL}" in a row of its own')
    return phone(value, place)


def _allowed(value: object, place: Place) -> tuple[str, object]:
    """One entry of `allow` as (kind, value); the kinds are the fields of `routing.Allow`."""
    written = text(value, place)
    if written.startswith("user:"):
        if not written.removeprefix("user:"):
            raise Invalid("«user:» names nobody", 'write for example "user:monitoring"')
        return "users", written.removeprefix("user:")
    if "@" in written or "*" in written:
        entry = address_or_domain(written, place)
        return ("domains", entry[2:]) if entry.startswith("*@") else ("addresses", entry)
    if re.fullmatch(r"[0-9A-Fa-f:.]+(/[0-9A-Za-z.]+)?", written) and re.search(r"[.:/]", written):
        return "networks", peers(written, place)
    raise Invalid(
        f"{shown(written)} is neither an address nor a user nor a network",
        'write for example "anna@example.com", "*@example.com", "user:monitoring" or "192.0.2.0/24"',
    )


def _display_name(value: object, place: Place) -> str:
    name = text(value, place).strip()
    if len(name) > _LONGEST_NAME:
        raise Invalid(f"the name is longer than {_LONGEST_NAME} characters", "shorten it")
    return name


def _subject(value: object, place: Place) -> str:
    """One of the three words, or a template with ``{subject}`` and ``{text}``."""
    if not isinstance(value, str) or not value.strip():
        raise Invalid(
            "this must be text", 'write "prefix", "ignore", "only", or a template such as "{subject}: {text}"'
        )
    if value in _SUBJECTS:
        return value
    names = re.findall(r"\{([^{}]*)\}", value)
    for name in names:
        if name not in {"subject", "text"}:
            raise Invalid(f"there is no {{{name}}} for a template", "known are {subject} and {text}")
    if not names:
        near = did_you_mean(value, _SUBJECTS)
        raise Invalid(
            f"{shown(value)} is neither a word known here nor a template",
            near if near.startswith("did") else 'write "prefix", "ignore", "only", or for example "{subject}: {text}"',
        )
    if re.search(r"[{}]", re.sub(r"\{(?:subject|text)\}", "", value)):
        raise Invalid("the template holds a brace too many", "known are {subject} and {text}")
    if len(value) > _LONGEST_TEMPLATE:
        raise Invalid(f"the template is longer than {_LONGEST_TEMPLATE} characters", "shorten it")
    return value


def _end_mark(value: object, place: Place) -> str:
    """What such a line begins with; blanks around it do not count, and "" is none."""
    if value == "":
        return ""
    mark = text(value, place).strip()
    if len(mark) > _LONGEST_END_MARK:
        raise Invalid(f"the mark is longer than {_LONGEST_END_MARK} characters", "write the beginning of the line")
    return mark


def possible_in_number(text: str) -> bool:
    """Whether the fixed part of a pattern can be the beginning or the end of a phone number."""
    return _POSSIBLE_IN_NUMBER.fullmatch(text) is not None


ROUTE_KEYS: Final = (
    Key("address", pattern, None, "What people mail to, or a pattern such as *@sms.example.com."),
    Key("number", _number, None, 'The phone: one number, a list of them, or "{local}".'),
    Key("name", _display_name, None, "Shown as the author of SMS that become mail."),
    Key(
        "allow",
        list_of(_allowed, example='["*@example.com"]'),
        None,
        "Who may send: address, *@domain, user:NAME or network.",
    ),
    Key("mailbox", mail_address, None, "Who gets SMS from this phone or to this line."),
    Key("line", line, None, "Our own number: SMS to it belong to this row."),
    Key("sender", originator, None, "What the phone shows as sender."),
    Key("max_parts", integer(1, 255), 3, "Most parts of one message."),
    Key("too_long", one_of("cut", "refuse"), "cut", "What happens to a text that needs more parts."),
    Key("subject", _subject, "prefix", "What becomes of the subject."),
    Key(
        "attachments",
        one_of("count", "ignore", "refuse"),
        "count",
        "[2 files] where it costs no SMS, nothing, or refuse.",
    ),
    Key("end_mark", _end_mark, "", 'A line that begins so ends the text; "" is none.'),
    Key("html", boolean, False, "SMS that become mail have an HTML part too."),
    Key(
        "countries",
        list_of(country_or_prefix, example='["AT", "+4175"]', at_least=1),
        None,
        "Where {local} may reach: countries, or prefixes such as +4175.",
    ),
    Key("reports", one_of("failures", "all", "none"), "failures", "What authors are told unasked."),
    Key(
        "receipts",
        one_of("ignore", "report"),
        "ignore",
        "What a wish for a receipt in the header does: nothing, or as NOTIFY=SUCCESS.",
    ),
    Key("success", one_of("each", "once"), "each", "Success of a group is told for each phone, or once."),
    Key("lifetime", duration("1m", "72h"), "24h", "How long a message is worth sending."),
    Key("warn_after", duration("0s", "72h"), "15m", "When the author is told that it takes longer."),
    Key("on_unknown", one_of("hold", "resend", "fail"), "hold", "What happens if an answer was lost."),
    Key("unknown_wait", duration("1s", "72h"), "180s", "How long a report may still settle that."),
    Key("priority", integer(1, 9), None, "The provider's priority."),
    Key("flash", boolean, False, "Show the text at once and keep it nowhere."),
    Key("category", one_of("informational", "advertisement"), None, "What kind of content it is."),
    Key("binary", boolean, False, "Send attached .vcf, .ics and application/x-sms-binary as binary SMS."),
    Key("voice", boolean, False, "Let the provider read the text out in a call."),
    Key("urgent", boolean, False, "Goes before everything else, with limits of its own."),
    Key("language", one_of("en", "de"), None, "Language of notices about these messages."),
)
