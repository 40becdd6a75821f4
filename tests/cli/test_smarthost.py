"""The smarthost: each way in which it would not take our mail."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.findings import Case, smarthost
from tests.cli.cases import case, only, told
from tests.transports.servers import PASSWORD, Certificates, check, good


def at(directory: Path, port: int, certificates: Certificates | None = None, **more: Any) -> Case:
    settings = {"host": "localhost", "port": port, "tls": "none" if certificates is None else "required", **more}
    return case(directory, smarthost=settings, trust=None if certificates is None else certificates.client)


def with_login(made: Case, password: str) -> Case:
    secrets = replace(made.configuration.secrets, smarthost_password=password)
    return replace(made, configuration=replace(made.configuration, secrets=secrets))


async def test_one_that_takes_our_mail(tmp_path: Path) -> None:
    certificates = Certificates()
    settings: dict[str, Any] = {"tls_context": certificates.server, "authenticator": check, "auth_require_tls": True}
    async with good(**settings) as (box, port):
        asked = with_login(at(tmp_path, port, certificates, username="anna"), PASSWORD)
        found = await smarthost.look(asked)
        refused = only(await smarthost.look(with_login(asked, "another")))
    assert told(found) == [("ok", "smarthost"), ("ok", "smarthost")]
    assert "logged in as anna" in found[0].text
    assert box.mails == [], "nothing is sent"
    assert (refused.level, "password_file" in refused.remedy) == ("fail", True)


async def test_without_starttls(tmp_path: Path) -> None:
    async with good() as (_, port):
        found = only(await smarthost.look(at(tmp_path, port, Certificates())))
    assert (found.level, "STARTTLS" in found.text, "587" in found.remedy) == ("fail", True, True)


async def test_a_certificate_that_is_not_believed(tmp_path: Path) -> None:
    async with good(tls_context=Certificates().server) as (_, port):
        found = only(await smarthost.look(at(tmp_path, port, Certificates())))
    assert (found.level, "SSL_CERT_FILE" in found.remedy) == ("fail", True)


async def test_a_certificate_of_another_name(tmp_path: Path) -> None:
    certificates = Certificates("mail.example.com")
    async with good(implicit=certificates.server) as (_, port):
        found = only(await smarthost.look(at(tmp_path, port, certificates, tls="implicit")))
    assert (found.level, "must be the name in its certificate" in found.remedy) == ("fail", True)


async def test_nobody_there(tmp_path: Path) -> None:
    found = only(await smarthost.look(at(tmp_path, 1)))
    assert (found.level, "firewalls" in found.remedy) == ("fail", True)


@pytest.mark.parametrize(
    ("stage", "reply", "level", "remedy"),
    [
        ("to_mail", "550 5.7.1 not as this sender", "fail", "<>"),
        ("to_rcpt", "554 5.7.1 relay access denied", "fail", "relay"),
        ("to_rcpt", "451 4.7.1 greylisted", "warn", "greylisting"),
    ],
)
async def test_one_that_does_not(tmp_path: Path, stage: str, reply: str, level: str, remedy: str) -> None:
    async with good() as (box, port):
        setattr(box, stage, reply)
        found = await smarthost.look(at(tmp_path, port))
    assert told(found) == [("ok", "smarthost"), (level, "smarthost")]
    assert reply[:3] in found[1].text
    assert remedy in found[1].remedy


async def test_a_maildir(tmp_path: Path) -> None:
    assert only(await smarthost.look(case(tmp_path, smarthost={"maildir": tmp_path / "mail"}))).level == "ok"
    nowhere = case(tmp_path, smarthost={"maildir": tmp_path / "none" / "mail"})
    assert only(await smarthost.look(nowhere)).level == "fail"
