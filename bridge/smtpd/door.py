"""Front door for mail, the policy side: who may send where, what the mail becomes, and the 250 after the commit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bridge import metrics, text, translate
from bridge.access import Barred, Proof, barred, barred_from, inside
from bridge.config import Configuration, Rate
from bridge.config.users import CERTIFICATE
from bridge.limits import Asking, Payable
from bridge.log import get_logger
from bridge.message import Clock, NewId
from bridge.proof import mail as mail_proof
from bridge.proof.lockout import WINDOW, place_of
from bridge.proof.logins import Busy, Locked, Login
from bridge.recipients import is_answer
from bridge.smtpd import admission, checking, replies, returned
from bridge.smtpd.admission import Pending
from bridge.smtpd.bell import Ring
from bridge.smtpd.checking import Check, Question
from bridge.smtpd.contract import Peer, Reply
from bridge.smtpd.desk import Desk
from bridge.smtpd.incoming import Incoming
from bridge.smtpd.intake import Forward, Target, compile_intake
from bridge.smtpd.returned import Bounced
from bridge.smtpd.till import Till
from bridge.smtpd.turns import NoTurn, Turns
from bridge.spool import Intake

_BROKE = (
    "A mistake in the program kept the mail door from taking a mail; its sender was told to try again later. "
    'The log has it as "session failed"; please report it. Others of this hour are only there.'
)
_OUT_OF_BOUNDS = 552
_TAKEN = 250
_BUSY = Reply(454, "4.7.0", "too many logins at once, try again")
_STORE = Reply(451, "4.3.0", "cannot store the mail now, try again later")
_FULL = Reply(452, "4.3.1", "the queue is full, try again later")
_NO_TURN = (451, "4.3.2", "senders cannot be checked now, try again later")


class Door:
    """Decides what the protocol asks; keeps `bridge.smtpd.contract.Policy`."""

    def __init__(
        self,
        *,
        desk: Desk,
        till: Till,
        configuration: Callable[[], Configuration],
        logins: Login,
        mail_authentication: Callable[[], mail_proof.MailAuthentication | None],
        clock: Clock,
        new_id: NewId,
        ring: Ring,
        full: Callable[[], bool],
    ) -> None:
        self._configuration = configuration
        self._logins = logins
        self._mail_authentication = mail_authentication
        self._turns = Turns()
        self._desk = desk
        self._till = till
        self._ring = ring
        self._clock = clock
        self._new_id = new_id
        self._full = full
        self._log = get_logger("smtpd")

    def connected(self, _peer: Peer) -> Reply | None:
        return None

    async def authenticate(self, peer: Peer, name: bytes, password: bytes) -> str | Reply | None:
        user, address = name.decode("utf-8", "replace"), admission.peer_address(peer.host)
        trusted = inside(address, self._configuration().settings.smtpd.networks)
        try:
            found = await self._logins.check(user, password, address, trusted=trusted)
        except Busy:
            return _BUSY
        except Locked:
            return replies.TOO_MANY_LOGINS
        if found.right:
            self._log.info("login", peer=peer.host, user=user)
            return user
        peer.login_doublings = found.doublings
        self._log.warning("login failed", peer=peer.host)  # no name: it may be a password in the wrong field
        if found.locks:
            self._log.warning("login locked", peer=peer.host, minutes=round(WINDOW / 60))
        return None

    def broke(self, _peer: Peer) -> None:
        self._ring("broke", _BROKE)

    def exposed(self, peer: Peer, name: bytes) -> None:
        user = name.decode("utf-8", "replace")
        if self._logins.exposes(user):
            self._log.warning("password exposed", peer=peer.host, user=user, reason="it was sent without TLS")

    def certified(self, peer: Peer) -> str | None:
        names = {name.lower() for name in peer.certificate if name.isascii()}  # lower() makes K of the Kelvin sign
        users = self._configuration().users.values()
        found = next((user.name for user in users if user.hash == CERTIFICATE and user.name.lower() in names), None)
        if found is None:
            self._log.warning("certificate of nobody", peer=peer.host, reason=", ".join(peer.certificate))
        else:
            self._log.info("login", peer=peer.host, user=found)
        return found

    def mail(self, peer: Peer, sender: str, _parameters: Mapping[str, str]) -> Reply | None:
        if self._full():
            metrics.rejected(_FULL.code, _FULL.status)
            return _FULL
        proof = admission.sender_proof(self._configuration(), peer, sender)
        if proof.user is not None and sender and proof.sender is None:
            return self._reject(peer, sender, "", Reply(553, "5.7.1", "this login may not use that sender address"))
        return None

    def rcpt(
        self, peer: Peer, sender: str, recipient: str, parameters: Mapping[str, str]
    ) -> Reply | Target | Forward | Incoming | Bounced | Pending | Check:
        given = (self._configuration(), peer, sender, recipient, self._clock())
        found = checking.admit(*given) or admission.admit(*given)
        if isinstance(found, (Target, Forward)):
            found = self._till.refusal(peer, found) or found
        if isinstance(found, Reply):
            return self._reject(peer, sender, recipient, found)
        if parameters and isinstance(found, (Target, Pending)):
            asked = parameters.get("NOTIFY", "").lower()
            return replace(found, notify=asked, orcpt=parameters.get("ORCPT", ""))
        return found

    async def data(
        self, peer: Peer, sender: str, accepted: Sequence[object], content: bytes, parameters: Mapping[str, str]
    ) -> Reply:
        reply = settling = None
        kinds = set(map(type, accepted))
        if Bounced in kinds:
            accepted, settling = returned.read(accepted, content)
            kinds = set(map(type, accepted))
        if kinds - {Incoming}:
            try:
                reply = await self._mail(peer, sender, accepted, content, parameters)
            except (text.Refused, translate.Untranslatable) as refused:
                return self._reject(peer, sender, "", Reply(refused.code, refused.status, refused.sentence))
        if Incoming in kinds and (reply is None or reply.code == _TAKEN):
            reply = await self._desk.take_sms(content)
        if settling is not None and (reply is None or reply.code == _TAKEN):
            reply = await self._desk.settle(settling)
        return reply or admission.UNKNOWN_ADDRESS

    async def _mail(
        self, peer: Peer, sender: str, accepted: Sequence[object], content: bytes, parameters: Mapping[str, str]
    ) -> Reply:
        """Raises `text.Refused` and `translate.Untranslatable` for what is not taken, whatever the reason."""
        to_phones = [item for item in accepted if isinstance(item, (Target, Pending))]
        checks = [item for item in accepted if isinstance(item, Check)]
        _unless(checking.too_many(checks))
        letter = _read(content, forwarded_only=not to_phones)
        if letter is not None:
            self._must_not_cross(letter, to_phones, asks=bool(checks))
        proof, targets = await self._settled(peer, sender, to_phones, checks, content)
        if letter is not None:
            for target in targets:
                _unless(barred_from(target.route.allow, target.proof, letter))
        forwards = [item for item in accepted if isinstance(item, Forward)]
        intake = compile_intake(
            letter,
            content,
            mail_id=self._new_id(),
            peer=peer,
            sender=sender,
            parameters=parameters,
            targets=targets,
            forwards=forwards,
            settings=self._configuration().settings,
            now=self._clock(),
        )
        asked: list[Asking] = []
        if checks:
            asker = sender if proof.envelope else proof.sender or ""
            question = Question(
                peer=peer,
                sender=sender,
                asker=asker,
                content=content,
                letter=letter,
                proof=proof,
                left=await self._left(peer, checks, proof),
            )
            intake = checking.with_answers(intake, checks, question, self._configuration(), self._clock())
            asked = [Asking(sender=asker, answers=len(checks))]
        owed = self._till.owed(peer, [*targets, *forwards[:1], *asked])
        answers = letter is not None and (letter.is_reply or any(is_answer(target.address) for target in targets))
        return await self._taken(peer, intake, len(content), owed, answers=answers)

    async def _left(
        self, peer: Peer, checks: Sequence[Check], proof: Proof
    ) -> dict[str, Mapping[str, tuple[int, Rate]]]:
        """By what is asked about: how much of which limits it leaves."""
        targets = {check.about: checking.target(check, proof, self._configuration(), self._clock()) for check in checks}
        owed = {about: self._till.owed(peer, [target]) for about, target in targets.items() if target is not None}
        return {about: await self._desk.left(wanted[0]) for about, wanted in owed.items()}

    def _must_not_cross(self, letter: text.Letter, to_phones: Sequence[Target | Pending], *, asks: bool) -> None:
        """Raises `translate.Untranslatable` for what goes round in circles or was written by a machine that answers."""
        addresses = [item.address if isinstance(item, Target) else item.meaning.address for item in to_phones]
        answers, domains = any(map(is_answer, addresses)), self._configuration().settings.domains
        _unless(barred(letter, to_phones=bool(to_phones) or asks, answers=answers, domains=domains))

    async def _settled(
        self, peer: Peer, sender: str, to_phones: Sequence[Target | Pending], checks: Sequence[Check], content: bytes
    ) -> tuple[Proof, list[Target]]:
        """Every recipient with the proof that was still missing, or `translate.Untranslatable`: all or none.

        The proof is that of whoever waits or asks; where nobody does, nothing is known here.
        """
        waiting = [item for item in to_phones if isinstance(item, Pending)]
        waiting += [check.pending for check in checks if check.pending is not None]
        if not waiting and not checks:
            return Proof(), [item for item in to_phones if isinstance(item, Target)]
        if waiting:
            proof = await self._proof_by_mail(peer, sender, content)
        else:
            proof = admission.sender_proof(self._configuration(), peer, sender)
        settled = {
            id(item): self._settle(peer, item, proof, alone=len(to_phones) + len(checks) == 1) for item in waiting
        }
        return proof, [item if isinstance(item, Target) else settled[id(item)] for item in to_phones]

    def _settle(self, peer: Peer, item: Pending, proof: Proof, *, alone: bool) -> Target:
        found = admission.settle(self._configuration(), item.meaning, proof, self._clock())
        if isinstance(found, Target):
            found = self._till.refusal(peer, found) or found
        if isinstance(found, Reply):
            others = "; nothing was sent to the other recipients"
            sentence = found.text if alone else f"<{item.meaning.address}>: {found.text}{others}"
            raise translate.Untranslatable(found.code, found.status, sentence)
        return replace(found, notify=item.notify, orcpt=item.orcpt)

    async def _proof_by_mail(self, peer: Peer, sender: str, content: bytes) -> Proof:
        """What SPF, DKIM and DMARC prove of the author, here or at the relay. Raises `translate.Untranslatable`."""
        settings = self._configuration().settings.mail_authentication
        address = admission.peer_address(peer.host)
        if settings.authserv_id is not None and inside(address, settings.relays):
            verdict = mail_proof.believed(content, authserv_id=settings.authserv_id, sender=sender)
        elif (authentication := self._mail_authentication()) is None:
            raise translate.Untranslatable(*_NO_TURN)
        else:
            try:
                with self._turns.turn(place_of(address)):
                    verdict = await authentication.check(peer=address, helo=peer.helo, sender=sender, content=content)
            except NoTurn:
                raise translate.Untranslatable(*_NO_TURN) from None
        if verdict.refusal is not None:
            refusal = verdict.refusal
            raise translate.Untranslatable(refusal.code, refusal.status, refusal.text)
        return Proof(peer=address, sender=verdict.author, envelope=verdict.envelope, how=verdict.how)

    async def _taken(self, peer: Peer, intake: Intake, size: int, owed: Sequence[Payable], *, answers: bool) -> Reply:
        """What the desk makes of it, and the reply."""
        taken = await self._desk.take(intake, owed, answers=answers)
        if taken.reached is not None:
            which, limit = taken.reached
            return self._reject(peer, intake.sender, "", self._till.too_many(owed[which], limit))
        accepted = taken.accepted
        if accepted is None:
            self._log.error("spool unavailable", reason=taken.fault)
            metrics.rejected(_STORE.code, _STORE.status)
            return _STORE
        whose = {"id": accepted.id, "sender": intake.sender, "peer": intake.peer}
        if accepted.repeated:
            self._log.info("repeated", **whose)
            return Reply(250, "2.0.0", f"already queued as {accepted.id}")
        self._log.info("queued", **whose, recipients=len(intake.deliveries), size=size, proof=intake.proof)
        return Reply(250, "2.0.0", f"queued as {accepted.id}")

    def _reject(self, peer: Peer, sender: str, recipient: str, reply: Reply) -> Reply:
        metrics.rejected(reply.code, reply.status)
        self._log.warning(
            "reject",
            peer=peer.host,
            sender=sender,
            recipient=recipient,
            code=f"{reply.code} {reply.status}",
            reason=reply.text,
        )
        return reply


def _read(content: bytes, *, forwarded_only: bool) -> text.Letter | None:
    """The mail, or None for one that cannot be read and need not be. Raises `text.Refused`."""
    try:
        return text.read(content)
    except text.Refused as refused:
        # The operator gets what cannot be an SMS too, unless it is out of bounds.
        if forwarded_only and refused.code != _OUT_OF_BOUNDS:
            return None
        raise


def _unless(found: Barred | None) -> None:
    """Raises `translate.Untranslatable` with what was found, unless that is nothing."""
    if found is not None:
        raise translate.Untranslatable(found.code, found.status, found.sentence)
