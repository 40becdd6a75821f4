"""Switches of the simulator: what an account is by itself, and that a running simulator obeys a change."""

import pytest

from bridge.simulator import Account, Simulator, SimulatorSettings
from tests.simulator.rig import NUMBER, Client, Webhook


def test_the_settings_are_the_first_account() -> None:
    others = (Account(user="b"), Account(user="c"))
    settings = SimulatorSettings(user="a", other_accounts=others)
    assert settings.accounts == (settings, *others)
    assert SimulatorSettings().accounts[0].user == "simulator@example.com"


def test_every_account_has_secrets_of_its_own_that_fit_into_headers_and_addresses() -> None:
    accounts = [Account() for _ in range(20)]
    secrets = {secret for account in accounts for secret in (account.password, *account.tokens)}
    assert len(secrets) == 40
    for secret in secrets:
        assert len(secret) >= 16
        assert secret.isascii()
        assert secret.replace("-", "").replace("_", "").isalnum()


async def test_a_running_simulator_obeys_at_once(client: Client) -> None:
    settings = client.sim.settings
    for changes, code in (
        ({"state": "off"}, 4001),
        ({"state": "active", "max_priority": 3}, 4015),
        ({"max_priority": 9, "allowed_prefixes": ("49",)}, 4029),
        ({"allowed_prefixes": (), "max_recipients": 0}, 4025),
        ({"max_recipients": 1}, 2000),
    ):
        for name, value in changes.items():
            setattr(settings, name, value)
        assert (await client.send(priority=5)).code == code
    settings.tokens = ("another-token",)
    assert (await client.send()).code == 2000  # the rig reads it there too
    assert client.sim.messages[-1].credentials == "bearer another-token"


@pytest.mark.parametrize("status", [400, 404])
async def test_the_answer_to_a_wrong_method_is_chosen(client: Client, status: int) -> None:
    client.sim.settings.wrong_method_status = status
    assert (await client.call("/rest/smsmessaging/text", method="GET")).status == status


async def test_a_body_of_another_type_may_be_borne(client: Client) -> None:
    client.sim.settings.check_content_type = False
    body = b'{"recipientAddressList":["436600000001"],"messageContent":"x"}'
    answer = await client.call("/rest/smsmessaging/text", body, headers={"Content-Type": "text/plain"})
    assert answer.code == 2000


async def test_white_text_is_borne_by_setting(client: Client) -> None:
    client.sim.settings.refuse_white_text = False
    assert (await client.send(messageContent=" ")).code == 2000


async def test_an_account_wide_address_gets_reports_without_being_named(client: Client, webhook: Webhook) -> None:
    client.sim.settings.report_url = webhook.url
    await client.send(recipientAddressList=[NUMBER])
    await webhook.count(1)
    assert webhook.fields[0]["messageType"] == "deliveryReport"


async def test_simulators_share_nothing(client: Client) -> None:
    other = Simulator()
    client.sim.settings.strict = True
    await client.send()
    assert other.settings.strict is False
    assert other.messages == []
