"""Front door for mail, the policy side: who may send where, what the mail becomes, and the 250 after the commit."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from bridge import normalize, text, threads, translate
from bridge.access import MOST_RECEIVED, Proof, may_use
from bridge.config import Configuration
from bridge.limits import Limits
from bridge.log import get_logger
from bridge.message import Channel, Clock, NewId, StoreUnavailable
from bridge.proof import Busy, Logins, prove
from bridge.routing import Allow, Route
from bridge.smtpd.contract import Peer, Reply
from bridge.smtpd.intake import Forward, Target, compile_intake
from bridge.spool import Spool

_OUT_OF_BOUNDS = 552
_UNKNOWN_ADDRESS = Reply(550, "5.1.1", "no such address here")
_RELAYING = Reply(550, "5.7.1", "relaying denied")
_NULL_SENDER = Reply(550, "5.7.1", "bounces and automatic reports are not sent as SMS")
_AUTOMATIC = Reply(550, "5.7.1", "automatic replies are not sent as SMS")
_LOOP = Reply(554, "5.4.6", "this mail is going round in circles")
_BUSY = Reply(454, "4.7.0", "too many logins at once, try again")
_FULL = Reply(452, "4.3.1", "the queue is full, try again later")
_STORE = Reply(451, "4.3.0", "cannot store the mail now, try again later")


class Door:
    """Decides what the protocol asks; keeps `bridge.smtpd.contract.Policy`."""

    def __init__(
        self,
        *,
        spool: Spool,
        configuration: Callable[[], Configuration],
        logins: Logins,
        limits: Limits,
        clock: Clock,
        new_id: NewId,
        wake: Callable[[Channel], None],
        full: Callable[[], bool],
    ) -> None:
        self._spool = spool
        self._configuration = configuration
        self._logins = logins
        self._limits = limits
        self._clock = clock
        self._new_id = new_id
        self._wake = wake
        self._full = full
        self._log = get_logger("smtpd")

    def connected(self, _peer: Peer) -> Reply | None:
        return None

    async def authenticate(self, peer: Peer, name: bytes, password: bytes) -> str | Reply | None:
        try:
            user = name.decode("utf-8")
        except UnicodeDecodeError:
            return None
        try:
            right = await self._logins.check(user, password)
        except Busy:
            return _BUSY
        (self._log.info if right else self._log.warning)(
            "login" if right else "login failed", peer=peer.host, user=user if right else ""
        )
        return user if right else None

    def mail(self, peer: Peer, sender: str, _parameters: Mapping[str, str]) -> Reply | None:
        if self._full():
            return _FULL
        proof = self._prove(peer, sender)
        if proof.user is not None and sender and proof.sender is None:
            return self._reject(peer, sender, "", Reply(553, "5.7.1", "this login may not use that sender address"))
        return None

    def rcpt(self, peer: Peer, sender: str, recipient: str, _parameters: Mapping[str, str]) -> Reply | Target | Forward:
        found = self._resolve(peer, sender, recipient)
        if isinstance(found, Reply):
            return self._reject(peer, sender, recipient, found)
        return found

    async def data(
        self,
        peer: Peer,
        sender: str,
        recipients: Sequence[object],
        content: bytes,
        parameters: Mapping[str, str],
    ) -> Reply:
        started = time.perf_counter()
        targets = [item for item in recipients if isinstance(item, Target)]
        forwards = [item for item in recipients if isinstance(item, Forward)]
        try:
            letter = text.read(content)
        except text.Refused as refused:
            # The operator gets what cannot be an SMS too, unless it is out of bounds.
            if targets or refused.code == _OUT_OF_BOUNDS:
                return self._reject(peer, sender, "", Reply(refused.code, refused.status, refused.sentence))
            letter = None
        if letter is not None and letter.received_count > MOST_RECEIVED:
            return self._reject(peer, sender, "", _LOOP)
        if letter is not None and targets and letter.is_auto_reply:
            return self._reject(peer, sender, "", _AUTOMATIC)
        now = self._clock()
        mail_id = self._new_id()
        try:
            intake = compile_intake(
                letter,
                content,
                mail_id=mail_id,
                peer=peer,
                sender=sender,
                targets=targets,
                forwards=forwards,
                postmaster=self._configuration().settings.postmaster,
                now=now,
            )
        except translate.Untranslatable as refused:
            return self._reject(peer, sender, "", Reply(refused.code, refused.status, refused.sentence))
        try:
            accepted = await self._spool.accept(intake)
        except StoreUnavailable as error:
            self._log.error("spool unavailable", reason=str(error))
            return _STORE
        log = self._log.bind(id=accepted.id, sender=sender, peer=peer.host)
        if accepted.repeated:
            log.info("repeated")
            return Reply(250, "2.0.0", f"already queued as {accepted.id}")
        log.info(
            "queued",
            recipients=len(intake.deliveries),
            size=len(content),
            proof=intake.proof,
            took=round(time.perf_counter() - started, 4),
        )
        for channel in {delivery.channel for delivery in intake.deliveries}:
            self._wake(channel)
        return Reply(250, "2.0.0", f"queued as {accepted.id}")

    def _reject(self, peer: Peer, sender: str, recipient: str, reply: Reply) -> Reply:
        self._log.warning(
            "reject",
            peer=peer.host,
            sender=sender,
            recipient=recipient,
            code=f"{reply.code} {reply.status}",
            reason=reply.text,
        )
        return reply

    def _prove(self, peer: Peer, sender: str) -> Proof:
        configuration = self._configuration()
        user = configuration.users.get(peer.user) if peer.user is not None else None
        return prove(
            peer=_address(peer.host),
            user=user,
            sender=normalize.address(sender) if sender else "",
            networks=configuration.settings.smtpd.networks,
        )

    def _resolve(self, peer: Peer, sender: str, recipient: str) -> Reply | Target | Forward:
        configuration = self._configuration()
        address = normalize.address(recipient) if "@" in recipient else recipient.lower()
        local, _, domain = address.rpartition("@")
        if not local:  # <postmaster> without a domain, RFC 5321 4.5.1
            local, domain = domain, configuration.settings.domains[0]
        if domain not in configuration.settings.domains:
            return _RELAYING
        if local in ("postmaster", "abuse") or local.startswith("bounce+"):
            return Forward(address=f"{local}@{domain}")
        if any(mark in local for mark in "%!@") and not local.startswith('"'):
            return _RELAYING
        if not sender:
            return _NULL_SENDER
        proof = self._prove(peer, sender)
        target = (
            self._by_token(configuration, local, address, proof)
            if local.startswith("r+")
            else self._by_route(configuration, local, address, proof)
        )
        if isinstance(target, Reply):
            return target
        return self._limited(configuration, target, sender)

    def _by_token(self, configuration: Configuration, local: str, address: str, proof: Proof) -> Reply | Target:
        if proof.sender is None:
            return _not_allowed(address, proof)
        answer = threads.read_token(configuration.keys, local[2:], proof.sender, self._clock())
        if answer is None:
            return _UNKNOWN_ADDRESS
        return Target(
            address=address,
            route=_answer_route(configuration, answer),
            numbers=(answer.phone,),
            proof=proof,
        )

    def _by_route(self, configuration: Configuration, local: str, address: str, proof: Proof) -> Reply | Target:
        route = configuration.routes.by_address(address)
        if route is None:
            return _UNKNOWN_ADDRESS
        # Before the number: who may not send here learns nothing of what a good number looks like.
        if not may_use(route.allow, proof):
            return _not_allowed(address, proof)
        if not route.local:
            return Target(address=address, route=route, numbers=route.numbers, proof=proof)
        try:
            number = normalize.number_from_local_part(local, configuration.settings.country)
        except normalize.NotANumber as error:
            return Reply(550, "5.1.3", f"neither a name of the routing table nor a phone number: {error}")
        if normalize.is_dear(number):
            return Reply(550, "5.7.1", "this number may cost more than an SMS usually does; nothing is sent to it")
        region = normalize.region(number)
        if region not in route.countries:
            return Reply(550, "5.7.1", f"this route does not send to numbers of {region or 'no country'}")
        return Target(address=address, route=route, numbers=(number,), proof=proof)

    def _limited(self, configuration: Configuration, target: Target, sender: str) -> Reply | Target:
        for number in target.numbers:
            reached = self._limits.take(
                configuration.settings.limits,
                sender=sender,
                recipient=number,
                route=target.route.name,
                urgent=target.route.urgent,
                now=self._clock(),
            )
            if reached is not None:
                return Reply(450, "4.7.1", f"too many SMS for now (limit of {reached}), try again later")
        return target


def _not_allowed(address: str, proof: Proof) -> Reply:
    if proof.user is not None or proof.sender is not None:
        return Reply(550, "5.7.1", "this sender may not write to that address")
    return Reply(550, "5.7.1", "this sender is not proven here: log in, or ask the operator to list your server")


def _answer_route(configuration: Configuration, answer: threads.Answer) -> Route:
    """The row whose policy an answer by token follows: its line's, else its phone's, else defaults."""
    table = configuration.routes
    row = (table.by_line(answer.line) if answer.line else None) or table.by_phone_any(answer.phone)
    originator = answer.line or configuration.settings.websms.sender
    if row is None:
        return Route(
            name="answer",
            row=0,
            allow=Allow(),
            originator=originator,
            language=configuration.settings.language,
        )
    return replace(row, originator=answer.line or row.originator or originator)


@lru_cache(maxsize=1024)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None
