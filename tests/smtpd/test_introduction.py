"""What comes before a mail: HELO, EHLO, STARTTLS, AUTH in their order, and what nonsense costs."""

import io
from ipaddress import ip_network

import pytest

from bridge.smtpd.contract import Limits, Reply
from tests.smtpd.conftest import Certificates
from tests.smtpd.login import NAME, PASSWORD, PLAIN, b64, users
from tests.smtpd.raw import Recorder, Rig


async def test_row_32_neither_banner_nor_help_names_a_product_and_ehlo_comes_in_one_piece() -> None:
    async with Rig() as rig:
        client = await rig.client()
        words = await client.reply()
        await client.send(b"EHLO x\r\n")
        first = await client.reader.read(65536)
        assert first.endswith(b"250 DSN\r\n")
        words += first.decode() + await client.say("HELP")
        assert not any(name in words.lower() for name in ("aiosmtpd", "python", "smsbridge", "1.4"))


async def test_helo_is_enough_for_old_devices() -> None:
    async with Rig() as rig:
        client = await rig.client()
        await client.reply()
        assert await client.say("HELO My Printer\u00e9") == "250 mx.example.com"
        assert await client.mail(b"Hi\r\n.\r\n") == "250 2.0.0 queued as 1"
    assert rig.policy.taken[0].peer.helo == "My Printer?"
    assert not rig.policy.taken[0].peer.esmtp


async def test_nothing_goes_before_a_greeting() -> None:
    async with Rig() as rig:
        client = await rig.client()
        await client.reply()
        for line in ("MAIL FROM:<a@example.org>", "RCPT TO:<a@example.org>", "DATA", "AUTH PLAIN"):
            assert (await client.say(line)).startswith("503 5.5.1 ")


async def test_starttls_is_offered_once_and_auth_only_after_it(certificates: Certificates) -> None:
    async with Rig(users(), context=certificates.server) as rig:
        client = await rig.client()
        await client.reply()
        before = await client.say("EHLO x")
        assert "250 STARTTLS" in before
        assert "AUTH" not in before
        await client.start_tls(certificates.client)
        assert await client.say("MAIL FROM:<a@example.org>") == "503 5.5.1 bad sequence of commands", "greet again"
        after = await client.say("EHLO y")
        assert "STARTTLS" not in after
        assert after.endswith("250 AUTH PLAIN LOGIN")
        assert (await client.say("STARTTLS")).startswith("503 5.5.1 ")
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")
        assert (await client.say("QUIT")).startswith("221 ")
        assert await client.rest() == b""
    (mail,) = rig.policy.taken
    assert (mail.peer.tls, mail.peer.helo, mail.peer.host) == (True, "y", "127.0.0.1")
    assert rig.policy.peers[0].port == mail.peer.port, "one peer for the whole connection"


async def test_auth_is_not_offered_without_users(certificates: Certificates) -> None:
    async with Rig(context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.client(certificates.client)
        await client.reply()
        assert "AUTH" not in await client.say("EHLO x")
        assert (await client.say("AUTH PLAIN " + PLAIN)).startswith("502 5.5.1 ")


@pytest.mark.parametrize("mode", ["plain", "implicit"])
async def test_starttls_belongs_to_its_own_mode(certificates: Certificates, mode: str) -> None:
    async with Rig(context=certificates.server, modes=[mode]) as rig:
        client = await rig.client(certificates.client if mode == "implicit" else None)
        await client.reply()
        assert "STARTTLS" not in await client.say("EHLO x")
        assert (await client.say("STARTTLS"))[:9] == ("454 4.7.0" if mode == "plain" else "503 5.5.1")


@pytest.mark.parametrize("injected", [b"NOOP\r\n", b"MAIL FROM:<evil@example.org>\r\n", b"R"])
async def test_row_7_what_is_injected_before_tls_is_not_executed(certificates: Certificates, injected: bytes) -> None:
    async with Rig(context=certificates.server) as rig:
        client = await rig.greeted()
        await client.send(b"STARTTLS\r\n" + injected)
        assert await client.rest() == b"554 5.5.0 protocol synchronization error\r\n"
    assert not rig.policy.senders


async def test_row_34_three_wrong_passwords_end_a_connection(certificates: Certificates) -> None:
    async with Rig(users(), context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.greeted(certificates.client)
        for _ in range(3):
            assert (await client.say("AUTH PLAIN " + b64(b"\0panel\0wrong"))).startswith("535 5.7.8 ")
        assert (await client.reply()).startswith("421 4.7.0 ")
        assert await client.rest() == b""


async def test_row_37_a_policy_that_is_too_busy_says_so(certificates: Certificates) -> None:
    policy = Recorder(users={NAME: PASSWORD}, login_reply=Reply(454, "4.7.0", "too busy"))
    async with Rig(policy, context=certificates.server, modes=["implicit"]) as rig:
        client = await rig.greeted(certificates.client)
        for _ in range(5):
            assert await client.say("AUTH PLAIN " + PLAIN) == "454 4.7.0 too busy"
        policy.login_reply = None
        policy.broken = {"authenticate"}
        assert (await client.say("AUTH PLAIN " + PLAIN)).startswith("451 4.3.0 ")


async def test_row_15_too_many_errors_end_a_connection() -> None:
    async with Rig() as rig:
        client = await rig.greeted()
        answers = [await client.say(f"NONSENSE {number}") for number in range(20)]
        assert answers[:19] == ["500 5.5.1 command not recognized"] * 19
        assert answers[19].startswith("421 4.7.0 ")
        assert await client.rest() == b""


async def test_a_mail_that_is_taken_clears_the_account_of_errors() -> None:
    async with Rig(limits=Limits(error_delay=0, max_idle_commands=5)) as rig:
        client = await rig.greeted()
        for _ in range(3):
            for _ in range(15):
                assert (await client.say("NONSENSE")).startswith("500 ")
            for _ in range(4):
                assert await client.say("NOOP") == "250 2.0.0 OK"
            assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")


async def test_a_slow_answer_is_the_price_of_many_errors() -> None:
    async with Rig(limits=Limits(slow_errors=2, error_delay=0.05)) as rig:
        client = await rig.greeted()
        await client.send(b"X\r\nX\r\nX\r\nX\r\nNOOP\r\n")
        assert [(await client.reply())[:3] for _ in range(5)] == ["500"] * 4 + ["250"]


async def test_legacy_devices_get_one_line_and_neither_tls_nor_auth(certificates: Certificates) -> None:
    trusted = (ip_network("127.0.0.0/8"),)
    async with Rig(users(), modes=["legacy"], context=certificates.server, trusted=trusted) as rig:
        client = await rig.client()
        await client.reply()
        for verb in ("EHLO", "HELO"):
            assert await client.say(f"{verb} old-panel") == "250 mx.example.com"
        assert (await client.say("STARTTLS")).startswith("454 4.7.0 ")
        assert (await client.say("AUTH PLAIN " + PLAIN)).startswith("502 5.5.1 ")
        assert (await client.mail(b"Hi\r\n.\r\n")).startswith("250 ")


async def test_legacy_is_for_peers_of_ours_only(stream: io.StringIO) -> None:
    async with Rig(modes=["legacy"], trusted=[ip_network("192.0.2.0/24")]) as rig:
        client = await rig.client()
        assert await client.rest() == b"554 5.7.1 this port is for known devices only\r\n"
        assert not rig.listener.sessions
    assert not rig.policy.peers
    assert "this port is for known devices only" in stream.getvalue()
