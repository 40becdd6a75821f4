"""`smsbridge send`: an SMS from the command line, through the spool like every other."""

import secrets
import time
from pathlib import Path

import click

from bridge.cli.options import print_json, with_config, with_json
from bridge.cli.spool import with_spool
from bridge.ids import mail_ids
from bridge.message import Channel, Delivery, Sms, encode_sms
from bridge.spool import Intake

_LIFETIME = 86400.0


@click.command()
@click.argument("number")
@click.argument("text")
@click.option("--max-parts", type=click.IntRange(1, 255), default=3, show_default=True, help="Cut what is longer.")
@with_config
@with_json
def send(number: str, text: str, max_parts: int, config_path: Path, as_json: bool) -> None:
    """Queue an SMS with TEXT to NUMBER; a running bridge sends it within a second.

    With --json: {"id", "recipient", "text", "parts"}.
    """
    from bridge import config, gsm, normalize  # noqa: PLC0415  # phone metadata: not for --help

    settings = config.load(config_path).settings
    try:
        recipient = normalize.number(number, settings.country)
    except normalize.NotANumber as error:
        raise click.UsageError(f"{number}: {error}") from error
    fitted = gsm.fit(gsm.clean(text).strip(), max_parts)
    if not fitted.text:
        raise click.UsageError("the text is empty")
    sms = Sms(text=fitted.text, originator=settings.websms.sender, max_parts=max_parts)
    intake = _intake(recipient, sms, settings.language, time.time())
    with_spool(config_path, lambda spool: spool.accept(intake))
    queued_as = intake.deliveries[0].id
    if as_json:
        print_json({"id": queued_as, "recipient": recipient, "text": fitted.text, "parts": fitted.count.parts})
    else:
        cut = " (cut)" if fitted.cut else ""
        click.echo(f"queued as {queued_as}: {fitted.count.parts} SMS to +{recipient}{cut}")


def _intake(recipient: str, sms: Sms, language: str, now: float) -> Intake:
    """One SMS that an operator may send by being one: nobody else is told of it."""
    mail_id = mail_ids(lambda: now, secrets.token_bytes)()
    delivery = Delivery(
        id=f"{mail_id}-1",
        mail=mail_id,
        channel=Channel.SMS,
        recipient=recipient,
        payload=encode_sms(sms),
        route="command",
        language=language,
        created_at=now,
        changed_at=now,
        next_at=now,
        expires_at=now + _LIFETIME,
    )
    return Intake(id=mail_id, kind="command", at=now, proof="command", deliveries=(delivery,))
