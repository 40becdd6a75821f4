"""Each recipe works: what its device mails becomes, at the phone, exactly what the recipe prints."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import DOCS, blocks, recipes
from tests.docs.phones import Sample, running
from tests.proof.dns_stub import serving
from tests.proof.signing import publish, signed, signer
from tests.wait import until

ANY_PHONE = "06600000001@sms.example.com"
SAMPLES = {
    "alertmanager": [
        Sample(
            name="alertmanager",
            port=587,
            peer="192.0.2.12",
            sender="alertmanager@example.com",
            to="duty@sms.example.com",
            login="alertmanager",
        )
    ],
    "exim": [Sample(name="exim", port=25, peer="192.0.2.25", sender="anna@example.com", to=ANY_PHONE)],
    "google": [
        Sample(
            name="google",
            port=25,
            peer="203.0.113.7",
            sender="anna@example.com",
            to=ANY_PHONE,
            signed="example.com",
        )
    ],
    "grafana": [
        Sample(
            name="grafana",
            port=587,
            peer="192.0.2.13",
            sender="grafana@example.com",
            to="duty@sms.example.com",
            login="grafana",
        )
    ],
    "microsoft": [
        Sample(
            name="exchange",
            port=25,
            peer="192.0.2.20",
            sender="anna@example.com",
            to=ANY_PHONE,
        ),
        Sample(
            name="microsoft365",
            port=25,
            peer="203.0.113.5",
            sender="anna@example.com",
            to=ANY_PHONE,
            signed="example.com",
        ),
    ],
    "nagios": [
        Sample(name="nagios", port=25, peer="192.0.2.10", sender="nagios@mon1.example.com", to="duty@sms.example.com"),
        Sample(name="icinga", port=25, peer="192.0.2.10", sender="icinga@mon1.example.com", to="duty@sms.example.com"),
        Sample(name="short", port=25, peer="192.0.2.10", sender="nagios@mon1.example.com", to="pager@sms.example.com"),
    ],
    "postfix": [Sample(name="postfix", port=25, peer="192.0.2.25", sender="anna@example.com", to=ANY_PHONE)],
    "printers": [
        Sample(
            name="printer",
            port=2525,
            peer="192.0.2.101",
            sender="printer3@example.com",
            to="office@sms.example.com",
            bare=True,
        )
    ],
    "proxmox": [
        Sample(
            name="proxmox",
            port=587,
            peer="192.0.2.14",
            sender="pve1@example.com",
            to="duty@sms.example.com",
            login="pve",
        )
    ],
    "synology": [
        Sample(
            name="synology",
            port=465,
            peer="192.0.2.15",
            sender="nas1@example.com",
            to="duty@sms.example.com",
            login="nas1",
            tls="implicit",
        )
    ],
    "ups": [
        Sample(name="nut", port=25, peer="192.0.2.16", sender="nut@srv1.example.com", to="duty@sms.example.com"),
        Sample(name="apcupsd", port=25, peer="192.0.2.16", sender="root@srv1.example.com", to="duty@sms.example.com"),
    ],
    "zabbix": [
        Sample(
            name="zabbix",
            port=587,
            peer="192.0.2.11",
            sender="zabbix@example.com",
            to="duty@sms.example.com",
            login="zabbix",
        )
    ],
}


def test_every_recipe_has_a_sample() -> None:
    assert [page.stem for page in recipes()] == sorted(SAMPLES)


@pytest.mark.parametrize("recipe", sorted(SAMPLES))
async def test_the_phone_shows_what_the_recipe_says(recipe: str, tmp_path: Path) -> None:
    made = list(blocks(DOCS / "recipes" / f"{recipe}.md"))
    shown = {block.mark[5:]: block.text.rstrip("\n") for block in made if block.mark.startswith("sms: ")}
    samples = SAMPLES[recipe]
    assert set(shown) == {sample.name for sample in samples}
    async with serving() as stub:
        more: dict[str, Any] = {}
        if any(sample.signed for sample in samples):
            more["mail_authentication"] = {"nameservers": ["{}:{}".format(*stub.address)]}
        async with running(tmp_path, made, **more) as (bridge, simulator):
            for number, sample in enumerate(samples):
                content = sample.content
                if sample.signed:
                    by = signer(sample.signed)
                    publish(stub, by)
                    content = signed(content, by)
                reply = await asyncio.to_thread(bridge.post, sample, content)
                assert re.match(r"250 2\.0\.0 queued as", reply), (reply, bridge.log)
                await until(lambda count=number: len(simulator.messages) > count, "an SMS")  # type: ignore[misc] # a default
                assert simulator.messages[number].text == shown[sample.name]
