"""How long the simulator insists on a confirmation, and what it survives."""

import asyncio
import base64
import ssl

import trustme

from bridge.simulator import Simulator, SimulatorSettings
from bridge.simulator.clock import Clock
from bridge.simulator.outbox import Outbox
from tests.simulator.rig import LINE, NUMBER, Client, Webhook, until


async def test_headers_of_notifications(client: Client, webhook: Webhook) -> None:
    settings = client.sim.settings
    settings.notify_url = webhook.url.replace("http://", "http://hook:s%C3%A4%3Acret@") + "?key=a%20b"
    for kind in (None, "text/xml"):
        settings.notify_content_type = kind
        await client.sim.incoming(phone=NUMBER, line=LINE, text="x")
        await client.sim.idle()
    (first, _), (second, _) = webhook.requests
    assert "Content-Type" not in first
    assert second["Content-Type"] == "text/xml"
    assert base64.b64decode(first["Authorization"].removeprefix("Basic ")).decode() == "hook:sä:cret"


FAILURES = [
    (500, b'{"statusCode":2000}'),
    (307, b'{"statusCode":2000}'),
    (204, b""),
    (200, b""),
    (200, b"ok"),
    (200, b"[2000]"),
    (200, b'{"statusCode":4000}'),
    (200, b'{"StatusCode":2000}'),
    (200, b'{"statusCode":true}'),
    (200, b"<r><statusCode>2000</statusCode></r>"),
]


async def test_it_insists_until_2000(frozen: Client, webhook: Webhook) -> None:
    sim = frozen.sim
    webhook.answers = [*FAILURES, (200, b'{"statusCode":"2000","statusMessage":"ok"}')]
    sim.settings.notify_url = webhook.url
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x")
    for number in range(1, len(FAILURES) + 1):
        await until(lambda n=number: len(notification.attempts) == n)  # type: ignore[misc]  # bound at once
        assert notification.state == "pending"
        sim.step((10, 30, 60, 120, 300, 600, 900, 1800, 3600, 3600)[number - 1])
    await asyncio.wait_for(sim.idle(), 20)
    assert notification.state == "confirmed"
    assert len({body for _, body in webhook.requests}) == 1  # same id, same words
    waits = [b.at - a.at for a, b in zip(notification.attempts, notification.attempts[1:], strict=False)]
    assert waits == [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 3600]
    assert notification.attempts[0].http == 500
    assert notification.attempts[-1].ok


async def test_it_gives_up_at_the_end_of_the_lifetime(frozen: Client, webhook: Webhook) -> None:
    webhook.answers = [(503, b"")]
    await frozen.send(notificationCallbackUrl=webhook.url, validityPeriode=100)
    (notification,) = frozen.sim.notifications
    for number, wait in ((1, 10), (2, 30), (3, 60)):
        await until(lambda n=number: len(notification.attempts) == n)  # type: ignore[misc]  # bound at once
        frozen.sim.step(wait)
    await asyncio.wait_for(frozen.sim.idle(), 20)
    assert notification.state == "expired"
    assert len(webhook.requests) == 3


async def test_a_long_step_over_the_lifetime_drops_it(frozen: Client, webhook: Webhook) -> None:
    webhook.answers = [(503, b"")]
    notification = await frozen.sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await until(lambda: len(notification.attempts) == 1)
    frozen.sim.step(300_000.0)
    await asyncio.wait_for(frozen.sim.idle(), 20)
    assert notification.state == "expired"
    assert len(webhook.requests) == 1


async def test_a_late_confirmation_does_not_count(frozen: Client, webhook: Webhook) -> None:
    frozen.sim.settings.notify_timeout = 0.2
    await frozen.sim.stop()
    await frozen.sim.start()
    webhook.hold = asyncio.Event()
    notification = await frozen.sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await until(lambda: len(notification.attempts) == 1)
    assert "Timeout" in notification.attempts[0].error
    webhook.hold.set()
    webhook.hold = None
    frozen.sim.step(10.0)
    await asyncio.wait_for(frozen.sim.idle(), 20)
    assert notification.state == "confirmed"


async def test_clear_forgets_what_was_pending(frozen: Client, webhook: Webhook) -> None:
    webhook.answers = [(503, b"")]
    notification = await frozen.sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await until(lambda: len(notification.attempts) == 1)
    frozen.sim.clear()
    await asyncio.wait_for(frozen.sim.idle(), 20)
    assert frozen.sim.notifications == []


async def test_an_untrusted_certificate_is_a_failure(frozen: Client, webhook: Webhook) -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    other = Simulator(SimulatorSettings(tls=server))  # any TLS server will do
    await other.start()
    notification = await frozen.sim.incoming(phone=NUMBER, line=LINE, text="x", url=other.url)
    await until(lambda: len(notification.attempts) == 1)
    assert "Certificate" in notification.attempts[0].error
    await other.stop()


async def test_nobody_there_and_no_address(frozen: Client) -> None:
    sim = frozen.sim
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x", url="http://127.0.0.1:1/")
    await until(lambda: len(notification.attempts) == 1)
    assert "Connect" in notification.attempts[0].error
    invalid = await sim.incoming(phone=NUMBER, line=LINE, text="x", url="http://[")
    await until(lambda: len(invalid.attempts) == 1)
    assert invalid.state == "pending"


async def test_a_repeat_and_a_given_id(client: Client, webhook: Webhook) -> None:
    client.sim.settings.notify_url = webhook.url
    notification = await client.sim.incoming(phone=NUMBER, line=LINE, text="x", notification_id="n-1")
    await client.sim.idle()
    client.sim.repeat(notification)
    await client.sim.idle()
    assert [fields["notificationId"] for fields in webhook.fields] == ["n-1", "n-1"]


async def test_undelivered_notifications_survive_a_stop(frozen: Client, webhook: Webhook) -> None:
    sim = frozen.sim
    webhook.answers = [(503, b""), (200, b'{"statusCode":2000}')]
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await until(lambda: len(notification.attempts) == 1)
    await sim.stop()
    sim.step(10.0)
    await sim.start()
    await asyncio.wait_for(sim.idle(), 20)
    assert notification.state == "confirmed"


async def test_a_stop_abandons_an_attempt_but_not_the_notification(client: Client, webhook: Webhook) -> None:
    sim = client.sim
    webhook.hold = asyncio.Event()
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await webhook.count(1)
    await sim.stop()
    assert notification.attempts == []
    webhook.hold.set()
    await sim.start()
    await asyncio.wait_for(sim.idle(), 20)
    assert notification.state == "confirmed"
    assert len(webhook.requests) == 2


async def test_a_few_at_once(client: Client, webhook: Webhook) -> None:
    client.sim.settings.notify_url = webhook.url
    for number in range(50):
        await client.sim.incoming(phone=NUMBER, line=LINE, text=str(number))
    await asyncio.wait_for(client.sim.idle(), 20)
    assert {fields["textMessageContent"] for fields in webhook.fields} == {str(n) for n in range(50)}


async def test_no_more_at_once_than_the_setting_says(client: Client, webhook: Webhook) -> None:
    sim = client.sim
    sim.settings.notify_url, sim.settings.notify_parallel = webhook.url, 2
    webhook.hold = asyncio.Event()
    for number in range(5):
        await sim.incoming(phone=NUMBER, line=LINE, text=str(number))
    await webhook.count(2)
    await asyncio.sleep(0.05)  # nothing may come; a late arrival would only let a bug pass, not fail a good run
    assert len(webhook.requests) == 2
    webhook.hold.set()
    await asyncio.wait_for(sim.idle(), 20)
    assert [fields["textMessageContent"] for fields in webhook.fields[:2]] == ["0", "1"]
    assert len(webhook.requests) == 5


async def test_what_is_due_first_goes_first(frozen: Client, webhook: Webhook) -> None:
    sim = frozen.sim
    sim.settings.notify_parallel = 1
    for delay in (30.0, 10.0, 20.0):
        sim.settings.report_delay = delay
        await frozen.send(notificationCallbackUrl=webhook.url, clientMessageId=str(delay))
    sim.step(9.9)
    assert webhook.requests == []
    sim.step(60.0)
    await asyncio.wait_for(sim.idle(), 20)
    assert [fields["clientMessageId"] for fields in webhook.fields] == ["10.0", "20.0", "30.0"]


async def test_after_the_listed_delays_it_asks_at_even_intervals(frozen: Client, webhook: Webhook) -> None:
    sim = frozen.sim
    sim.settings.retry_delays, sim.settings.retry_every = (1.0,), 7.0
    webhook.answers = [(500, b"")] * 3 + [(200, b'{"statusCode":2000}')]
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    for number, step in enumerate((1.0, 7.0, 7.0), 1):
        await webhook.count(number)
        await until(lambda n=number: len(notification.attempts) == n)  # type: ignore[misc]  # bound at once
        sim.step(step)
    await asyncio.wait_for(sim.idle(), 20)
    assert [attempt.at - notification.created for attempt in notification.attempts] == [0.0, 1.0, 8.0, 15.0]


async def test_it_asks_again_by_itself_when_the_time_comes(client: Client, webhook: Webhook) -> None:
    client.sim.settings.retry_delays = (0.01, 0.01)
    webhook.answers = [(500, b""), (500, b""), (200, b'{"statusCode":2000}')]
    notification = await client.sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await asyncio.wait_for(client.sim.idle(), 20)
    assert [attempt.http for attempt in notification.attempts] == [500, 500, 200]


async def test_of_a_long_answer_the_beginning_is_remembered(frozen: Client, webhook: Webhook) -> None:
    webhook.answers = [(200, b'{"statusCode":2000}' + b" " * 5000 + b"x")]
    notification = await frozen.sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await until(lambda: len(notification.attempts) == 1)
    assert (notification.attempts[0].http, notification.attempts[0].ok) == (200, False)
    assert notification.attempts[0].answer == '{"statusCode":2000}' + " " * 1981


async def test_nothing_to_do_is_idle() -> None:
    outbox = Outbox(SimulatorSettings(), Clock(lambda: 0.0))
    await asyncio.wait_for(outbox.idle(), 20)
    await outbox.stop()
