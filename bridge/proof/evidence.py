"""SPF, DKIM and DMARC of one mail, asked and weighed.

What counts is a domain that is proven and speaks for the domain of From: the same one, or one of the same owner where
a DMARC record allows that. All that can be asked at once is asked at once; the whole has one deadline. Trouble with
DNS is a temporary refusal when a good answer could have made the mail proven, and nothing otherwise: a broken name
server of somebody else's bounce domain delays no mail.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.message import Clock
from bridge.proof import dkim, dmarc, spf
from bridge.proof.dkim import Signature
from bridge.proof.dmarc import Owners, Policy
from bridge.proof.dns import Address, Resolver, Trouble
from bridge.proof.domains import of
from bridge.proof.spf import Spf
from bridge.proof.verdict import Verdict, proven, refused

_THREADS = 2  # for what libraries compute: at most milliseconds a mail, but many mails may come
_SAME, _ONE_OWNER, _STRANGER = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    """A method's word for a domain: proven, or not to be known now."""

    method: Literal["dkim", "spf"]
    domain: str
    nearness: int  # to the domain of From


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """All that was found out about one mail."""

    author: str
    sender: str
    peer: Address | None
    spf: Spf
    signatures: tuple[Signature, ...]
    words: tuple[_Word, ...]  # what is proven
    unknown: tuple[_Word, ...]  # what DNS did not say

    @property
    def domain(self) -> str:
        return of(self.author)

    def accept(self, word: _Word) -> Verdict:
        envelope = _is_proof(self.spf) or of(self.sender) == self.domain
        return proven(self.author, f"{word.method}:{word.domain}", envelope=bool(self.sender) and envelope)


class Evidence:
    """Checks mails one by one; keeps the resolver with its cache and the list of owners."""

    def __init__(
        self, *, nameservers: Sequence[tuple[str, int]], query_seconds: float, total_seconds: float, clock: Clock
    ) -> None:
        self._resolver = Resolver(nameservers, patience=query_seconds)
        self._owners = Owners()
        self._seconds = total_seconds
        self._clock = clock
        self._threads = asyncio.Semaphore(_THREADS)

    async def weigh(self, *, author: str, peer: Address | None, helo: str, sender: str, content: bytes) -> Verdict:
        """The verdict on a mail of at most 64 KiB of header, as SMTP gave it; `author` is its From, normalised."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._decided(await self._gathered(author, peer, helo, sender, content))
        except TimeoutError:
            return refused(451, "4.4.3", f"DNS needs too long to prove {of(author)}, try again later")

    async def _gathered(self, author: str, peer: Address | None, helo: str, sender: str, content: bytes) -> _Found:
        def nearness(domain: str) -> int:
            if domain == of(author):
                return _SAME
            return _ONE_OWNER if self._owners.one(domain, of(author)) else _STRANGER

        identity, signatures = await asyncio.gather(
            self._spf(peer, helo, sender),
            dkim.check(self._resolver, content, nearness=nearness, now=self._clock(), in_thread=self._in_thread),
        )
        said: list[tuple[Literal["dkim", "spf"], str, str]] = [
            ("dkim", signature.domain, signature.result) for signature in signatures
        ]
        if not identity.everybody:
            said.append(("spf", identity.domain, identity.result))
        words, unknown = (
            tuple(
                _Word(method=method, domain=domain, nearness=nearness(domain))
                for method, domain, result in said
                if result == wanted
            )
            for wanted in ("pass", "temperror")
        )
        return _Found(
            author=author,
            sender=sender,
            peer=peer,
            spf=identity,
            signatures=signatures,
            words=words,
            unknown=unknown,
        )

    async def _spf(self, peer: Address | None, helo: str, sender: str) -> Spf:
        if peer is None:
            return Spf(result="none", domain=of(sender))
        return await spf.check(self._resolver, peer=peer, helo=helo, sender=sender, seconds=self._seconds * 0.7)

    async def _in_thread(self, call: Callable[[], bool]) -> bool:
        """The place is given back when the thread is done, also where nobody waits for it any longer."""
        await self._threads.acquire()
        work = asyncio.get_running_loop().run_in_executor(None, call)
        work.add_done_callback(lambda _: self._threads.release())
        return await asyncio.shield(work)

    async def _decided(self, found: _Found) -> Verdict:
        for word in found.words:
            if word.nearness == _SAME:
                return found.accept(word)
        policy: Policy | None = None
        if any(word.nearness == _ONE_OWNER for word in (*found.words, *found.unknown)):
            try:
                policy = await dmarc.policy(self._resolver, found.domain, self._owners.organisation(found.domain))
                exists = await self._resolver.exists(found.domain)
            except Trouble:
                return refused(451, "4.4.3", f"DNS does not give the DMARC record of {found.domain}, try again later")
            for word in found.words:
                if exists and _is_aligned(word, policy):
                    return found.accept(word)
        for word in found.unknown:
            if _is_aligned(word, policy):
                return _later(word, found.spf)
        if not await self._may_exist(found.domain):
            return refused(550, "5.1.8", f"the domain of From does not exist: {found.domain}")
        return _unproven(found, policy)

    async def _may_exist(self, domain: str) -> bool:
        try:
            return await self._resolver.exists(domain)
        except Trouble:
            return True  # the refusal is for good either way, only its sentence differs


def _is_proof(found: Spf) -> bool:
    return found.result == "pass" and not found.everybody


def _is_aligned(word: _Word, policy: Policy | None) -> bool:
    """Whether a domain speaks for From: the same one always, one of the same owner where a record allows it."""
    if word.nearness == _ONE_OWNER and policy is not None:
        return not (policy.strict_dkim if word.method == "dkim" else policy.strict_spf)
    return word.nearness == _SAME


def _later(word: _Word, identity: Spf) -> Verdict:
    if word.method == "spf":
        return refused(451, "4.7.24", f"SPF of {word.domain} cannot be checked now ({identity.why}), try again later")
    return refused(451, "4.4.3", f"DNS does not give the DKIM key of {word.domain}, try again later")


def _unproven(found: _Found, policy: Policy | None) -> Verdict:
    """Why a mail is not proven, for good."""
    domain, identity = found.domain, found.spf
    if identity.result == "fail":
        return refused(
            550,
            "5.7.23",
            f"SPF of {identity.domain} forbids mail from {found.peer}: send through its own servers, name this one in"
            f" its SPF record, or sign with DKIM as d={domain}",
        )
    if identity.result == "permerror" and not found.words:
        return refused(
            550,
            "5.7.24",
            f"the SPF record of {identity.domain} is in error ({identity.why}): correct it, or sign with DKIM as"
            f" d={domain}",
        )
    if found.words:
        word = found.words[0]
        kind = "adkim" if word.method == "dkim" else "aspf"
        why = {
            _STRANGER: "has another owner",
            _ONE_OWNER: f"needs a DMARC record without {kind}=s" if policy else "needs a DMARC record",
        }[word.nearness]
        text = (
            f"{word.method.upper()} proves {word.domain}, which {why} to speak for From: sign with DKIM as d={domain}"
        )
        return refused(550, "5.7.1", text)
    if identity.everybody:
        return refused(
            550,
            "5.7.1",
            f"the SPF record of {identity.domain} lets everybody send, so it proves nothing: use DKIM with d={domain}",
        )
    why = f"{found.signatures[0].domain}: {found.signatures[0].why}" if found.signatures else "there is none"
    return refused(
        550, "5.7.20", f"no DKIM signature that proves {domain} ({why}): sign with DKIM as d={domain}, or use SPF"
    )
