"""What the daemon lets the operator's window see of itself, and the box that says what would happen to a mail."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bridge import __version__, compose, normalize
from bridge.config import Configuration
from bridge.console.sources import Explained, Health, Paused, Phone, Question, Sources, Store, Way
from bridge.daemon.parts import explain as advice
from bridge.delivery import Agent
from bridge.masks import mask_text
from bridge.message import Channel, Clock
from bridge.smtpd import explanation
from bridge.webhook import Webhook


def sources(
    *,
    spool: Store,
    configuration: Callable[[], Configuration],
    clock: Clock,
    agents: Mapping[Channel, Agent],
    roles: Sequence[str],
    closed: Callable[[], bool],
    webhook: Webhook | None,
    phone: Phone | None,
) -> Sources:
    """Everything the pages are made of; `webhook` and `agents` where this process has them."""
    return Sources(
        spool=spool,
        configuration=configuration,
        clock=clock,
        health=lambda language: health(
            configuration(),
            agents,
            language=language,
            roles=roles,
            closed=closed(),
            webhook_at=webhook.heard_at if webhook is not None else None,
        ),
        explain=explainer(configuration, clock),
        phone=phone,
    )


def lamps(agents: Mapping[Channel, Agent]) -> dict[str, Any]:
    """What /readyz shows of deliveries: to whoever asks, so numbers and addresses are masked as in the log."""
    paused: dict[str, str] = {}
    for agent in agents.values():
        for name, words in agent.paused.items():
            masked = mask_text(name)
            alike = sum(known.partition(" (")[0] == masked for known in paused)
            paused[f"{masked} ({alike + 1})" if alike else masked] = mask_text(words)
    return {"calls": {channel.value: agent.in_flight for channel, agent in agents.items()}, "paused": paused}


def health(
    configuration: Configuration,
    agents: Mapping[Channel, Agent],
    *,
    language: str,
    roles: Sequence[str],
    closed: bool,
    webhook_at: float | None,
) -> Health:
    """How this process is, advice in the `language` of whoever looks."""
    return Health(
        version=__version__,
        test=configuration.settings.websms.test,
        closed=closed,
        roles=tuple(roles),
        paused=tuple(
            Paused(
                channel=channel,
                scope=scope,
                words=f"{pause.code} {pause.text}".strip(),
                advice=advice(pause.code, language) or "",
                until=pause.until,
            )
            for channel, agent in agents.items()
            for scope, pause in agent.pauses.scopes.items()
        ),
        ways={
            channel: Way(calls=agent.in_flight, worked_at=agent.pauses.worked_at) for channel, agent in agents.items()
        },
        webhook_at=webhook_at,
    )


def explainer(
    configuration: Callable[[], Configuration], clock: Callable[[], float]
) -> Callable[[Question], Explained]:
    """What would become of a mail: the door's own answer, for whoever could prove its sender."""

    def explain(question: Question) -> Explained:
        current = configuration()
        sender = normalize.address(question.sender) if question.sender != "<>" else ""
        found = explanation.explain(
            current,
            peer=explanation.likeliest(current, sender),
            sender=sender,
            recipient=question.recipient,
            content=_mail(question, clock()),
            now=clock(),
        )
        said, route = found.words, found.route
        words = {} if said is None else _words(said)
        return Explained(
            answer=found.reply.encode().decode().strip(),
            refused=found.reply.code >= 400,  # noqa: PLR2004  # SMTP: a refusal
            proof=found.proof,
            why=found.why,
            row=route.row if route is not None else None,
            route=route.name if route is not None else "",
            numbers=found.numbers,
            **words,
        )

    return explain


def _words(said: explanation.Words) -> dict[str, Any]:
    return {
        "text": said.text,
        "left_out": tuple(line for kept, line in said.lines if not kept and line.strip()),
        "overflow": said.overflow,
        "encoding": said.encoding,
        "parts": said.parts,
        "units": said.units,
        "costly": said.costly,
    }


def _mail(question: Question, now: float) -> bytes:
    headers = [("Subject", compose.encoded(question.subject)), ("Date", compose.date(now))]
    with suppress(ValueError):  # what ASCII cannot spell stands in the envelope alone
        headers.insert(0, ("From", compose.mailbox(None, question.sender)))
    headers += [("To", compose.recipient(question.recipient)), ("Message-ID", f"<{secrets.token_hex(8)}@console>")]
    return compose.compose(headers, question.text)
