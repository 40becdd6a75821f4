"""`smsbridge send`: an SMS from the command line, through the spool like every other."""

import secrets
import time
from pathlib import Path

import click

from bridge.cli.options import print_json, run, with_config, with_json


@click.command()
@click.argument("number")
@click.argument("text")
@click.option("--max-parts", type=click.IntRange(1, 255), default=3, show_default=True, help="Cut what is longer.")
@with_config
@with_json
def send(number: str, text: str, max_parts: int, config_path: Path, as_json: bool) -> None:
    """Queue an SMS with TEXT to NUMBER; a running bridge sends it within a second."""
    from bridge import config, gsm, normalize  # noqa: PLC0415  # phone metadata: not for --help
    from bridge.daemon import sqlite_path  # noqa: PLC0415
    from bridge.ids import mail_ids  # noqa: PLC0415
    from bridge.message import Channel, Delivery, Sms, encode_sms  # noqa: PLC0415
    from bridge.spool import Intake  # noqa: PLC0415
    from bridge.spool.sqlite import open_spool  # noqa: PLC0415

    configuration = config.load(config_path)
    settings = configuration.settings
    try:
        recipient = normalize.number(number, settings.country)
    except normalize.NotANumber as error:
        raise click.UsageError(f"{number}: {error}") from error
    fitted = gsm.fit(gsm.clean(text).strip(), max_parts)
    if not fitted.text:
        raise click.UsageError("the text is empty")
    now = time.time()
    mail_id = mail_ids(time.time, secrets.token_bytes)()
    sms = Sms(text=fitted.text, originator=settings.websms.sender, max_parts=max_parts)
    delivery = Delivery(
        id=f"{mail_id}-1",
        mail=mail_id,
        channel=Channel.SMS,
        recipient=recipient,
        payload=encode_sms(sms),
        route="command",
        language=settings.language,
        created_at=now,
        changed_at=now,
        next_at=now,
        expires_at=now + 86400.0,
    )

    async def queue() -> None:
        spool = await open_spool(sqlite_path(settings.spool.url))
        try:
            await spool.accept(Intake(id=mail_id, kind="command", at=now, proof="command", deliveries=(delivery,)))
        finally:
            await spool.close()

    run(queue())
    if as_json:
        print_json({"id": delivery.id, "recipient": recipient, "text": fitted.text, "parts": fitted.count.parts})
    else:
        cut = " (cut)" if fitted.cut else ""
        click.echo(f"queued as {delivery.id}: {fitted.count.parts} SMS to +{recipient}{cut}")
