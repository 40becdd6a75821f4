"""Front door for mail, the policy side: who may send where, what the mail becomes, and the 250 after the commit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from bridge import normalize, recipients, text, threads, translate
from bridge.access import MOST_RECEIVED, Proof, may_use
from bridge.config import Configuration
from bridge.limits import Limits, Wanted
from bridge.log import get_logger
from bridge.message import Channel, Clock, NewId, StoreUnavailable
from bridge.proof import Busy, Logins, prove
from bridge.routing import Allow, Route
from bridge.smtpd import incoming
from bridge.smtpd.contract import Peer, Reply
from bridge.smtpd.incoming import Incoming
from bridge.smtpd.intake import Forward, Target, compile_intake
from bridge.spool import Intake, Spool

_OUT_OF_BOUNDS = 552
_TAKEN = 250
_UNKNOWN_ADDRESS = Reply(550, "5.1.1", "no such address here")
_NULL_SENDER = Reply(550, "5.7.1", "bounces and automatic reports are not sent as SMS")
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

    def rcpt(
        self, peer: Peer, sender: str, recipient: str, _parameters: Mapping[str, str]
    ) -> Reply | Target | Forward | Incoming:
        found = self._accept(peer, sender, recipient)
        if isinstance(found, Target):
            found = self._limited(peer, found)
        if isinstance(found, Reply):
            return self._reject(peer, sender, recipient, found)
        return found

    async def data(
        self, peer: Peer, sender: str, accepted: Sequence[object], content: bytes, _parameters: Mapping[str, str]
    ) -> Reply:
        targets = [item for item in accepted if isinstance(item, Target)]
        forwards = [item for item in accepted if isinstance(item, Forward)]
        reply = await self._mail(peer, sender, targets, forwards, content) if targets or forwards else None
        if any(isinstance(item, Incoming) for item in accepted) and (reply is None or reply.code == _TAKEN):
            return await incoming.take(
                content,
                spool=self._spool,
                configuration=self._configuration(),
                mail_id=self._new_id(),
                now=self._clock(),
                wake=self._wake,
                log=self._log,
            )
        return reply or _UNKNOWN_ADDRESS

    async def _mail(
        self, peer: Peer, sender: str, targets: list[Target], forwards: list[Forward], content: bytes
    ) -> Reply:
        try:
            letter = _read(content, forwarded_only=not targets)
            _must_not_cross(letter, to_phones=bool(targets))
            intake = compile_intake(
                letter,
                content,
                mail_id=self._new_id(),
                peer=peer,
                sender=sender,
                targets=targets,
                forwards=forwards,
                postmaster=self._configuration().settings.postmaster,
                now=self._clock(),
            )
        except (text.Refused, translate.Untranslatable) as refused:
            return self._reject(peer, sender, "", Reply(refused.code, refused.status, refused.sentence))
        paid, refusal = self._take(peer, targets)
        if refusal is not None:
            return self._reject(peer, sender, "", refusal)
        return await self._spooled(intake, len(content), paid)

    async def _spooled(self, intake: Intake, size: int, paid: list[Wanted]) -> Reply:
        try:
            accepted = await self._spool.accept(intake)
        except StoreUnavailable as error:
            self._give_back(paid)
            self._log.error("spool unavailable", reason=str(error))
            return _STORE
        log = self._log.bind(id=accepted.id, sender=intake.sender, peer=intake.peer)
        if accepted.repeated:
            self._give_back(paid)
            log.info("repeated")
            return Reply(250, "2.0.0", f"already queued as {accepted.id}")
        log.info("queued", recipients=len(intake.deliveries), size=size, proof=intake.proof)
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

    def _accept(self, peer: Peer, sender: str, recipient: str) -> Reply | Target | Forward | Incoming:
        configuration = self._configuration()
        if secret := incoming.resolve(configuration, recipient, _address(peer.host)):
            return _UNKNOWN_ADDRESS if secret is True else secret
        found = recipients.resolve(configuration, recipient)
        if isinstance(found, recipients.Operator):
            return Forward(address=found.address)
        if isinstance(found, recipients.Nowhere) and found.route is None:
            return Reply(found.code, found.status, found.text)
        if not sender:
            return _NULL_SENDER
        proof = self._prove(peer, sender)
        if isinstance(found, recipients.Answering):
            return self._by_token(configuration, found, proof)
        # Before the number: who may not send here learns nothing of what a good number looks like.
        if found.route is None or not may_use(found.route.allow, proof):
            return _not_allowed(proof)
        if isinstance(found, recipients.Nowhere):
            return Reply(found.code, found.status, found.text)
        return Target(address=found.address, route=found.route, numbers=found.numbers, proof=proof)

    def _by_token(self, configuration: Configuration, found: recipients.Answering, proof: Proof) -> Reply | Target:
        if proof.sender is None:
            return _not_allowed(proof)
        answer = threads.read_token(configuration.keys, found.token, proof.sender, self._clock())
        if answer is None:
            return _UNKNOWN_ADDRESS
        route = _answer_route(configuration, answer)
        return Target(address=found.address, route=route, numbers=(answer.phone,), proof=proof)

    def _limited(self, peer: Peer, target: Target) -> Reply | Target:
        now = self._clock()
        if self._limits.refuses(target.numbers, now):
            return Reply(550, "5.7.1", "the provider sends nothing to this number; its owner may have blocked it")
        reached = self._limits.reached(self._configuration().settings.limits, _wanted(peer, target), now)
        return target if reached is None else _too_many(reached)

    def _take(self, peer: Peer, targets: list[Target]) -> tuple[list[Wanted], Reply | None]:
        """Pay for all phones of a mail or for none; what was paid, and the refusal."""
        settings, now = self._configuration().settings.limits, self._clock()
        paid: list[Wanted] = []
        for target in targets:
            wanted = _wanted(peer, target)
            reached = self._limits.take(settings, wanted, now)
            if reached is not None:
                self._give_back(paid)
                return [], _too_many(reached)
            paid.append(wanted)
        return paid, None

    def _give_back(self, paid: list[Wanted]) -> None:
        settings, now = self._configuration().settings.limits, self._clock()
        for wanted in paid:
            self._limits.give_back(settings, wanted, now)


def _read(content: bytes, *, forwarded_only: bool) -> text.Letter | None:
    """The mail, or None for one that cannot be read and need not be. Raises `text.Refused`."""
    try:
        return text.read(content)
    except text.Refused as refused:
        # The operator gets what cannot be an SMS too, unless it is out of bounds.
        if forwarded_only and refused.code != _OUT_OF_BOUNDS:
            return None
        raise


def _must_not_cross(letter: text.Letter | None, *, to_phones: bool) -> None:
    """Raises `Untranslatable` for what goes round in circles or was written by a machine that answers."""
    if letter is not None and letter.received_count > MOST_RECEIVED:
        raise translate.Untranslatable(554, "5.4.6", "this mail is going round in circles")
    if letter is not None and to_phones and letter.is_auto_reply:
        raise translate.Untranslatable(550, "5.7.1", "automatic replies are not sent as SMS")


def _wanted(peer: Peer, target: Target) -> Wanted:
    # Who is proven pays himself; who is not shares with everybody behind that address.
    sender = target.proof.sender or peer.host
    route = target.route
    return Wanted(sender=sender, recipients=target.numbers, route=route.name, urgent=route.urgent)


def _too_many(reached: str) -> Reply:
    return Reply(450, "4.7.1", f"too many SMS for now (limit of {reached}), try again later")


def _not_allowed(proof: Proof) -> Reply:
    if proof.user is not None or proof.sender is not None:
        return Reply(550, "5.7.1", "this sender may not write to that address")
    return Reply(550, "5.7.1", "this sender is not proven here: log in, or ask the operator to list your server")


def _answer_route(configuration: Configuration, answer: threads.Answer) -> Route:
    """The row whose policy an answer by token follows: its line's, else its phone's, else defaults."""
    table = configuration.routes
    row = (table.by_line(answer.line) if answer.line else None) or table.by_phone_any(answer.phone)
    originator = answer.line or configuration.settings.websms.sender
    # A line that may receive and not send must pause its answers alone, not the row's alarms.
    own = f"answers over {answer.line}" if answer.line else "answers"
    if row is None:
        return Route(
            name=own,
            row=0,
            allow=Allow(),
            originator=originator,
            language=configuration.settings.language,
        )
    if answer.line is None or answer.line == row.originator:
        return replace(row, originator=row.originator or originator)
    return replace(row, name=own, originator=answer.line)


@lru_cache(maxsize=1024)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None
