"""A mail door of two processes: every mail is the same at both, and what is decided once is decided once."""

import asyncio
import re
import secrets
from email.utils import parseaddr
from pathlib import Path

import pytest

from bridge.proof.lockout import FAILURES
from tests import pg
from tests.faulty_disk import fill, small
from tests.flows.rig import ADDRESS, ANNA, BERND, LINE, PHONE, SILENT_ADDRESS, letter, queue_id, words
from tests.flows.secured import Papers, User
from tests.flows.several import BOTH, DAEMON, WORKER, Several, post, several
from tests.long import spools
from tests.returned_mails import BOUNCES
from tests.smtpd.login import plain
from tests.wait import until, until_async

PANEL = User(name="panel", password=secrets.token_hex(12), addresses=(ANNA,))
PUMP = User(name="pump@example.org", addresses=(BERND,))
SECRET = "sms-in-k3x8v5q2@sms.example.com"
NOBODY_IS_TRUSTED = ()
MIB = 1024 * 1024


def login(user: User = PANEL, password: str = "") -> str:
    return plain(user.name.encode(), (password or user.password).encode())


async def test_a_mail_its_sms_its_report_and_the_answer(tmp_path: Path) -> None:
    async with several(tmp_path) as here:
        for at in BOTH:
            client = await here.client(at)
            mail = letter(f"Grüße {at}", Subject="Pumpe")
            reply = await post(client, bytes(mail), notify="SUCCESS")
            await here.settled(queue_id(reply), "delivered")
            told = await here.mail(ANNA, 2 * at)
            assert told.get_content_type() == "multipart/report"
            assert "arrived on the phone" in words(told)
            await here.simulator.incoming(phone=PHONE, line=LINE, text=f"Ja {at}")
            answer = await here.mail(ANNA, 2 * at + 1)
            assert words(answer).startswith(f"Ja {at}")
            assert answer["In-Reply-To"] == mail["Message-ID"], "the conversation is known"
            back = await post(
                client,
                bytes(letter(f"Gut {at}", In_Reply_To=str(answer["Message-ID"]))),
                parseaddr(str(answer["Reply-To"]))[1],
            )
            await here.settled(queue_id(back), "delivered")
        assert [message.text for message in here.simulator.messages] == [
            "Pumpe\nGrüße 0",
            "Gut 0",
            "Pumpe\nGrüße 1",
            "Gut 1",
        ]


async def test_an_answer_reaches_who_wrote_last_whichever_process_took_it(tmp_path: Path) -> None:
    async with several(tmp_path) as here:
        for number, (at, author) in enumerate(((DAEMON, ANNA), (WORKER, BERND), (DAEMON, ANNA))):
            queue_id(await here.send(at, f"Nummer {number}", sender=author, From=author))
            before = len(here.bridge.mails_to(author))
            await here.simulator.incoming(phone=PHONE, line=LINE, text=f"Antwort {number}")
            mail = await here.mail(author, before)
            assert words(mail).startswith(f"Antwort {number}")


async def test_tls_certificates_and_logins(tmp_path: Path) -> None:
    papers = Papers(tmp_path)
    (tmp_path / "clients").mkdir()
    clients = Papers(tmp_path / "clients")
    listeners: dict[str, dict[str, object]] = {
        "implicit": {"mode": "implicit"},
        "asking": {"mode": "implicit", "client_ca": str(clients.authority)},
    }
    mine = papers.trust()
    known = papers.trust()
    known.load_cert_chain(*clients.issue(PUMP.name))
    async with several(
        tmp_path, papers=papers, users=(PANEL, PUMP), networks=NOBODY_IS_TRUSTED, listeners=listeners
    ) as here:
        for at in BOTH:
            for port in ("", "implicit"):
                if port:
                    client = await here.client(at, port, tls=mine)
                else:
                    client = await here.client(at)
                    assert (await client.say("STARTTLS")).startswith("220 ")
                    await client.writer.start_tls(mine, server_hostname="bridge.example.com")
                    await client.say("EHLO client.example.org")
                assert (await post(client, bytes(letter("niemand")))).startswith("550 5.7.1 ")
                assert (await client.say(login(password="wrong"))).startswith("535 5.7.8 ")
                assert (await client.say(login())).startswith("235 ")
                assert (await post(client, bytes(letter("x")), sender=BERND)).startswith("553 5.7.1 ")
                queue_id(await post(client, bytes(letter(f"{port or 'starttls'} {at}"))))
            client = await here.client(at, "asking", tls=known)
            assert (await client.say("AUTH EXTERNAL =")).startswith(("235 ", "503 "))
            queue_id(await post(client, bytes(letter(f"Pumpe {at}", From=BERND)), sender=BERND))
        await here.bridge.drained()
        assert len(here.simulator.messages) == 6
        assert PANEL.password not in here.bridge.log


async def test_a_lock_out_earned_at_one_holds_at_the_other(tmp_path: Path) -> None:
    papers = Papers(tmp_path)
    listeners: dict[str, dict[str, object]] = {"tls": {"mode": "implicit"}}
    async with several(
        tmp_path, papers=papers, users=(PANEL,), networks=NOBODY_IS_TRUSTED, listeners=listeners
    ) as here:

        async def attempt(at: int, source: str, password: str = "") -> str:
            client = await here.client(at, "tls", tls=papers.trust(), source=source)
            try:
                return await client.say(login(password=password))
            finally:
                await client.close()

        for earned_at, source in ((WORKER, "127.0.0.2"), (DAEMON, "127.0.0.3")):
            for number in range(FAILURES - 1):
                assert (await attempt(earned_at, source, f"guess {number}")).startswith("535 ")
            assert (await attempt(1 - earned_at, source, "the last one")).startswith("535 ")
            for at in BOTH:
                assert (await attempt(at, source)).startswith("421 4.7.0 "), "even the right one is not looked at"
                assert (await attempt(at, "127.0.0.4")).startswith("235 "), "and nobody else is locked out"


async def test_a_proxy_and_devices_of_old(tmp_path: Path) -> None:
    listeners: dict[str, dict[str, object]] = {
        "proxied": {"proxy": ["127.0.0.1/32"]},
        "legacy": {"mode": "legacy"},
    }
    async with several(tmp_path, networks=("127.0.0.9/32", "192.0.2.7/32"), listeners=listeners) as here:
        for at in BOTH:
            header = b"PROXY TCP4 192.0.2.7 127.0.0.1 1234 25\r\n"
            client = await here.client(at, "proxied", first=header)
            queue_id(await post(client, bytes(letter(f"für andere {at}"))))
            stranger = await here.client(at, "proxied", first=header.replace(b"192.0.2.7", b"192.0.2.8"))
            assert (await post(stranger, bytes(letter("x")))).startswith("550 5.7.1 ")
            _, refused = await here.connect(at, "legacy", source="127.0.0.1")
            assert refused.startswith("5"), "such a device must be one of ours"
            device = await here.client(at, "legacy", source="127.0.0.9")
            queue_id(await post(device, bytes(letter(f"Drucker {at}"))))
        shown = {entry["peer"] for entry in _queued(here.bridge.log)}
        assert shown == {"192.0.2.7", "127.0.0.9"}


def _queued(log: str) -> list[dict[str, str]]:
    return [dict(re.findall(r"(\w+)=(\S+)", line)) for line in log.splitlines() if " queued " in line]


async def test_each_process_has_its_part_of_the_connections(tmp_path: Path) -> None:
    smtpd: dict[str, object] = {"max_connections": 10, "max_connections_per_address": 4}
    async with several(tmp_path, networks=NOBODY_IS_TRUSTED, smtpd=smtpd) as here:
        pairs = [[await here.client(at) for _ in range(2)] for at in BOTH]
        for at in BOTH:
            _, refused = await here.connect(at)
            assert refused.startswith("421 4.7.0 "), "one address has its four, wherever they are"
        for at, (first, second) in zip(BOTH, pairs, strict=True):
            await second.say("NOOP")
            others = [await here.client(at, source=f"127.0.0.{number}") for number in range(2, 6)]
            assert (await first.rest()).startswith(b"421 "), "who has been idle longest makes room"
            for client in (second, *others):
                assert await client.say("NOOP") == "250 2.0.0 OK"
        await until_async(lambda: _has_open(here, 10), "both are counted")


async def _has_open(here: Several, connections: int) -> bool:
    return (await here.metrics())["smsbridge_connections_open", ()] == connections


async def test_a_limit_is_one_for_all(tmp_path: Path) -> None:
    async with several(tmp_path, sender="10/d") as here:
        clients = [await here.client(at) for at in BOTH * 4]

        async def five(number: int) -> list[str]:
            return [await post(clients[number], bytes(letter(f"{number} {each}"))) for each in range(5)]

        replies = [reply for several in await asyncio.gather(*map(five, range(8))) for reply in several]
        taken = [reply for reply in replies if reply.startswith("250 2.0.0 queued as ")]
        assert len(taken) == 10
        assert {reply[:9] for reply in replies if reply not in taken} == {"450 4.7.1"}
        await here.bridge.drained()
        assert len(here.simulator.messages) == 10


async def test_the_same_mail_is_sent_once(tmp_path: Path) -> None:
    async with several(tmp_path) as here:
        clients = [await here.client(at) for at in BOTH]
        for first in BOTH:
            mail = bytes(letter(f"nacheinander {first}"))
            found = queue_id(await post(clients[first], mail))
            assert await post(clients[1 - first], mail) == f"250 2.0.0 already queued as {found}"
        for number in range(5):
            mail = bytes(letter(f"zugleich {number}"))
            replies = await asyncio.gather(*(post(client, mail) for client in clients))
            assert len({queue_id(reply) for reply in replies}) == 1
            assert sum("already" in reply for reply in replies) == 1
        await here.bridge.drained()
        assert len(here.simulator.messages) == 7


async def test_a_number_that_the_provider_refuses_is_refused_at_both(tmp_path: Path) -> None:
    async with several(tmp_path) as here:
        here.simulator.fault(status=4031, recipient=PHONE)
        await here.settled(queue_id(await here.send(WORKER, "gesperrt")), "failed")
        for at in BOTH:
            reply = await here.send(at, "wieder")
            assert reply.startswith("550 5.7.1 the provider sends nothing to this number"), reply
            queue_id(await here.send(at, "anderswohin", SILENT_ADDRESS))


async def test_who_asks_hears_what_is_truly_left(tmp_path: Path) -> None:
    async with several(tmp_path, sender="10/d") as here:
        for number, at in enumerate((WORKER, DAEMON, WORKER)):
            queue_id(await here.send(at, f"Nummer {number}"))
        for number, at in enumerate(BOTH):
            queue_id(await here.send(at, "Was wäre wenn", f"check+{ADDRESS}"))
            answer = words(await here.mail(ANNA, number))
            assert re.search(r"sender 7 \(10/d\)", answer), answer
        await here.bridge.drained()
        assert len(here.simulator.messages) == 3


async def test_an_sms_that_comes_as_a_mail_and_a_mail_that_comes_back(tmp_path: Path) -> None:
    more = f'\n[websms_mail]\naddress = "{SECRET}"\nnetworks = ["127.0.0.0/8"]\n'
    async with several(tmp_path, more=more) as here:
        for at in BOTH:
            text = f"Bin gleich da {at}"
            head = f"From: sms@provider.example.net\nTo: {SECRET}\nSubject: SMS from +{PHONE} to +{LINE}\n\n"
            client = await here.client(at)
            reply = await post(client, f"{head}{text}\n".encode(), SECRET, sender="bounces@provider.example.net")
            assert reply.startswith("250 2.0.0 "), reply
            mail = await here.mail(ANNA, at)
            assert words(mail).startswith(text)
            back = str(mail["Return-Path"]).strip("<>")
            assert back.startswith("bounce+")
            shape = BOUNCES["postfix"]
            assert await post(client, shape.octets, back, sender="") == "250 2.0.0 noted"
            await here.settled(back.removeprefix("bounce+").partition("-")[0], "failed")


async def test_what_a_worker_counts_is_shown(tmp_path: Path) -> None:
    async with several(tmp_path) as here:
        for number, at in enumerate((WORKER, DAEMON, WORKER, WORKER)):
            queue_id(await here.send(at, f"Nummer {number}"))
        assert (await here.send(WORKER, "x", "nobody@example.net")).startswith("550 5.7.1 ")

        async def counted() -> bool:
            shown = await here.metrics()
            return (
                shown["smsbridge_door_seconds_count", ()],
                shown["smsbridge_connections_total", ()],
                shown.get(("smsbridge_rejects_total", ("550 5.7.1",))),
                shown["smsbridge_connections_open", ()],
            ) == (4, 5, 1, 0)

        await until_async(counted, "everything is counted once")
        await here.send(WORKER, "noch eine")
        await until_async(lambda: _is_counted(here, 5))


async def _is_counted(here: Several, mails: int) -> bool:
    return (await here.metrics())["smsbridge_door_seconds_count", ()] == mails


async def test_a_full_queue_is_said_at_both_and_that_there_is_room_again(tmp_path: Path) -> None:
    async with several(tmp_path, more="\n[spool]\nmax_queued = 3\n") as here:
        await here.simulator.stop()
        waiting = [queue_id(await here.send(WORKER, f"Nummer {number}")) for number in range(3)]
        for at in BOTH:
            await here.says(at, "452 4.3.1 ")
        code, _, complaint = await here.bridge.command("queue", "drop", *(f"{mail}-1" for mail in waiting))
        assert code == 0, complaint
        for at in BOTH:
            await here.says(at, "250 ")


async def test_a_disk_that_fills_up_is_said_at_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small("tmpfs", tmp_path, 130 * MIB, monkeypatch) as disk:
        async with several(disk) as here:
            queue_id(await here.send(WORKER, "noch Platz"))
            await here.bridge.drained()
            somebody = fill(disk, leave=2 * MIB)
            for at in BOTH:
                await here.says(at, "452 4.3.1 ")
            somebody.unlink()
            for at in BOTH:
                await here.says(at, "250 ")


async def test_the_same_on_postgresql(tmp_path: Path, postgres: pg.Server) -> None:
    async with spools.fresh(tmp_path, postgres) as spool, several(tmp_path, start=False, sender="10/d") as here:
        given = here.bridge.program
        spool.give(here.bridge)
        here.bridge.program = given
        here.bridge.start()
        await here.bridge.ready(60)  # it makes its tables first
        clients = [await here.client(at) for at in BOTH]
        mail = bytes(letter("nur einmal"))
        replies = await asyncio.gather(*(post(client, mail) for client in clients))
        assert len({queue_id(reply) for reply in replies}) == 1
        for at in BOTH:
            queue_id(await post(clients[at], bytes(letter(f"Nummer {at}"))))
        replies = [
            reply
            for number in range(10)
            for reply in await asyncio.gather(*(post(client, bytes(letter(f"mehr {number}"))) for client in clients))
        ]
        assert sum(reply.startswith("250 ") for reply in replies) == 7, "ten in all"
        await here.bridge.drained()
        assert len(here.simulator.messages) == 10
        await here.simulator.incoming(phone=PHONE, line=LINE, text="Ja")
        await until(lambda: here.bridge.mails_to(ANNA), "the answer")
        assert await here.bridge.stop() == 0
