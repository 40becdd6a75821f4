"""Readers of mail addresses, domains, patterns, phone numbers and originators."""

import re
from typing import Final

import email_validator

from bridge import normalize
from bridge.config.problems import Invalid, shown
from bridge.config.reading import Place
from bridge.config.values import text

for _name in ("local", "localhost", "test"):
    # Names that the world's DNS will never know, and that organisations and test set-ups use inside all the
    # same. The library asks to be told so by taking them out of its list; "invalid", "onion", "arpa" stay.
    if _name in email_validator.SPECIAL_USE_DOMAIN_NAMES:
        email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(_name)

_ORIGINATOR: Final = re.compile(r"[A-Za-z0-9 .&_-]{1,11}")
_SHORT_CODE: Final = re.compile(r"[0-9]{3,6}")


def _checked(written: str, example: str) -> str:
    """A syntactically valid address, normalised. Asks no DNS: a configuration must load without a network."""
    try:
        found = email_validator.validate_email(
            written, check_deliverability=False, globally_deliverable=False, allow_quoted_local=True
        )
    except email_validator.EmailNotValidError:
        raise Invalid(f"{shown(written)} is not a mail address", f'write for example "{example}"') from None
    if "." not in found.ascii_domain and found.ascii_domain != "localhost":
        raise Invalid(f"{shown(written)} has no full domain", f'write for example "{example}"')
    return normalize.address(f"{found.local_part}@{found.ascii_domain}")


def mail_address(value: object, place: Place) -> str:
    """One mail address, normalised."""
    written = text(value, place)
    if "*" in written:
        raise Invalid(f"{shown(written)} is a pattern", "write one complete address here")
    return _checked(written, "anna@example.com")


def domain(value: object, place: Place) -> str:
    """A mail domain: lower case, as A-labels."""
    written = text(value, place)
    if "@" in written:
        raise Invalid(f"{shown(written)} is not a domain", "write only what stands after the @")
    try:
        return _checked(f"somebody@{written}", "").rpartition("@")[2]
    except Invalid:
        raise Invalid(f"{shown(written)} is not a domain", 'write for example "sms.example.com"') from None


def address_or_domain(value: object, place: Place) -> str:
    """An address, or ``*@domain`` for all of a domain, normalised. Everybody is an error."""
    written = text(value, place)
    if re.fullmatch(r"\**(?:@\**)?|\*@\*(\..*)?", written):
        raise Invalid(f"{shown(written)} is everybody", 'name the domains you mean, for example "*@example.com"')
    if written.startswith("*@"):
        return "*@" + domain(written[2:], place)
    if "*" in written:
        raise Invalid(f"{shown(written)} is not a pattern", 'a * stands only for a whole local part: "*@example.com"')
    return _checked(written, "anna@example.com")


def pattern(value: object, place: Place) -> str:
    """An address, or one with a single ``*`` in its local part, normalised."""
    written = text(value, place)
    local, _, host = written.rpartition("@")
    if "*" not in written:
        return _checked(written, "anna@sms.example.com")
    if "*" in host or local.count("*") != 1 or '"' in local:
        raise Invalid(
            f"{shown(written)} is not a pattern",
            'one * may stand before the @, for example "*@sms.example.com" or "alarm-*@sms.example.com"',
        )
    read = _checked(f"{local.replace('*', 'x')}@{host}", "*@sms.example.com")
    return f"{local.lower()}@{read.rpartition('@')[2]}"


def is_reserved(address: str) -> bool:
    """Whether the bridge needs this address (or pattern) of its own domains itself."""
    local = address.rpartition("@")[0]
    return local in {"postmaster", "abuse"} or local.startswith(("check+", "bounce+", "r+"))


def phone(value: object, place: Place) -> str:
    """A phone number as E.164 digits."""
    if not isinstance(value, str):
        raise Invalid("a phone number must be text", 'put it in quotes: "+43 660 0000000"')
    try:
        return normalize.number(value, place.country)
    except normalize.NotANumber as error:
        raise Invalid(f"{shown(value)} cannot be used: {error}", 'write for example "+43 660 0000000"') from None


def line(value: object, place: Place) -> str:
    """One of our own numbers: international, national, a service number or a short code."""
    if not isinstance(value, str):
        raise Invalid("a phone number must be text", 'put it in quotes: "+43 660 0000000"')
    try:
        return normalize.line(value, place.country)
    except normalize.NotANumber as error:
        raise Invalid(f"{shown(value)} cannot be used: {error}", 'write for example "+43 660 0000000"') from None


def originator(value: object, place: Place) -> str:
    """What a phone shows as sender: a number as digits, a short code, or up to 11 letters and digits."""
    written = text(value, place)
    if _SHORT_CODE.fullmatch(written):
        return written
    if _ORIGINATOR.fullmatch(written) and re.search(r"[A-Za-z]", written):
        return written.strip()
    try:
        return normalize.number(written, place.country)
    except normalize.NotANumber:
        raise Invalid(
            f"{shown(written)} cannot be a sender",
            "write one of your numbers, a short code, or up to 11 letters, digits, spaces and . & _ -",
        ) from None


def country(value: object, place: Place) -> str:
    """An ISO 3166 region whose numbering plan is known."""
    written = text(value, place)
    if normalize.is_country(written):
        return written
    if normalize.is_country(written.upper()):
        raise Invalid(f"{shown(written)} is not a country", f'did you mean "{written.upper()}"?')
    raise Invalid(f"{shown(written)} is not a country", 'write two letters of ISO 3166, for example "AT"')


def country_or_prefix(value: object, place: Place) -> str:
    """Where numbers may lie: a region as `country` reads it, or ``+4175`` and all that begins so."""
    written = text(value, place)
    if not re.match(r"[+0-9]", written):
        return country(value, place)
    try:
        return normalize.prefix(written)
    except normalize.NotANumber as error:
        hint = 'write two letters of ISO 3166, for example "AT", or a prefix, for example "+4175"'
        raise Invalid(f"{shown(written)} cannot be used: {error}", hint) from None
