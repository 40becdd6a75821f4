"""What the daemon writes down about people: nothing in clear, whatever happens to their messages."""

from pathlib import Path

from tests.flows.rig import ADDRESS, ANNA, BERND, LINE, PHONE, POSTMASTER, SILENT, letter, running
from tests.wait import until

STRANGER = "436600000077"
TEXTS = ("Geheimwort Erdbeere", "Geheimwort Pflaume", "Geheimwort Quitte")


async def test_row_128_no_number_no_address_and_no_text_stands_in_the_log(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        await bridge.post(letter(TEXTS[0], Subject=TEXTS[1]))
        await simulator.incoming(phone=PHONE, line=LINE, text=TEXTS[2])
        await simulator.incoming(phone=STRANGER, line=LINE, text=TEXTS[2])
        simulator.fault(status=4002, message=f"number {PHONE} of {ANNA} is wrong")
        await bridge.post(letter(TEXTS[0]), sender=BERND)
        simulator.fault(shape="reset", accept=True)
        await bridge.post(letter(TEXTS[1]))
        await bridge.reply(letter(TEXTS[0]), "unknown@sms.example.com")
        await bridge.reply(letter(TEXTS[0]), sender="stranger@example.com")
        await bridge.reply(letter(TEXTS[0]), "somebody@example.com")
        await bridge.reply(letter(""), ADDRESS)
        await until(lambda: len(bridge.mails) >= 3 or None, "two SMS and a notice")
        await bridge.drained()
        token = str(bridge.mails_to(ANNA)[0]["Reply-To"]).partition("r+")[2].partition("@")[0]
        assert await bridge.stop() == 0
        log = bridge.log
        for word in ("queued", "sent", "bounced", "reject", "report", "notice", "unknown"):
            assert word in log
        people = (PHONE, SILENT, STRANGER, LINE, ANNA, BERND, POSTMASTER, "stranger@", "somebody@")
        secrets = (bridge.token, bridge.secret, token, (tmp_path / "smsbridge.key").read_text().strip())
        for seeded in (*people, *secrets, "Geheimwort", "Erdbeere", "0660", "660 0000001", "6600000001"):
            assert seeded not in log, f"{seeded} stands in the log"
