"""What an address at our door means: phones on a row, the operator, an answer to a phone, or nothing. Pure.

The door asks it for every RCPT and the command `route` for an operator's question, so that both say the same.
"""

from dataclasses import dataclass

from bridge import normalize
from bridge.config import Configuration
from bridge.nouns import light
from bridge.routing import Route

ANSWER_PREFIX = "r+"
_OPERATORS = ("postmaster", "abuse")
BOUNCE_PREFIX = "bounce+"
_CHECK_PREFIX = "check+"
_ROUTING_MARKS = frozenset("%!@")


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Phones:
    """The phones an address means, and the row that says so."""

    address: str
    route: Route
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """postmaster and abuse: forwarded to the operator."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """An address with an answer token, not yet opened."""

    address: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returning:
    """Where bounces of a mail we relayed come back to, its seal not yet looked at."""

    address: str
    token: str  # in its own case


@dataclass(frozen=True, slots=True, kw_only=True)
class Nowhere:
    """Nothing: the SMTP answer that says why. With the row, where one was found: only its users are told so much."""

    address: str
    code: int
    status: str
    text: str
    route: Route | None = None


Meaning = Phones | Operator | Answering | Returning | Nowhere


def resolve(configuration: Configuration, recipient: str) -> Meaning:
    """What `recipient` (as a mail client spelt it) means in this configuration."""
    domains = configuration.settings.domains
    address = normalize.address(recipient) if "@" in recipient else recipient.lower()
    local, _, domain = address.rpartition("@")
    if not local:  # <postmaster> without a domain, RFC 5321 4.5.1
        local, domain = domain, domains[0]
        address = f"{local}@{domain}"
    if domain not in domains or not _ROUTING_MARKS.isdisjoint(local):
        return Nowhere(address=address, code=550, status="5.7.1", text="relaying denied")
    if local in _OPERATORS:
        return Operator(address=address)
    if local.startswith(BOUNCE_PREFIX):
        spelt = recipient.rpartition("@")[0]
        return Returning(address=address, token=(spelt if spelt.lower() == local else local)[len(BOUNCE_PREFIX) :])
    if local.startswith(ANSWER_PREFIX):
        return Answering(address=address, token=local.removeprefix(ANSWER_PREFIX))
    route = None if local.startswith(_CHECK_PREFIX) else configuration.routes.by_address(address)
    if route is None:
        return Nowhere(address=address, code=550, status="5.1.1", text="no such address here")
    if not route.local:
        return Phones(address=address, route=route, numbers=route.numbers)
    return _local_number(configuration, address, local, route)


def _local_number(configuration: Configuration, address: str, local: str, route: Route) -> Phones | Nowhere:
    try:
        number = normalize.number_from_local_part(local, configuration.settings.country)
    except normalize.NotANumber as error:
        text = f"neither a name of the routing table nor a phone number: {error}"
        return Nowhere(address=address, code=550, status="5.1.3", text=text, route=route)
    if normalize.is_dear(number):
        text = "this number may cost more than an SMS usually does; nothing is sent to it"
        return Nowhere(address=address, code=550, status="5.7.1", text=text, route=route)
    if not normalize.lies_in(number, route.countries):
        text = f"this route does not send to numbers of {normalize.region(number) or 'no country'}"
        return Nowhere(address=address, code=550, status="5.7.1", text=text, route=route)
    return Phones(address=address, route=route, numbers=(number,))


def asked_about(configuration: Configuration, recipient: str) -> str | None:
    """The address behind ``check+``, of which its sender wants to know what it would do; None: nobody asks."""
    if _CHECK_PREFIX not in recipient.lower():
        return None
    address = normalize.address(recipient)
    local, _, domain = address.rpartition("@")
    about = local.removeprefix(_CHECK_PREFIX)
    if domain not in configuration.settings.domains or about in {local, ""}:
        return None
    return f"{about}@{domain}"


def is_answer(address: str) -> bool:
    """Whether a normalised address of ours is one with an answer token."""
    return address.startswith(ANSWER_PREFIX)
