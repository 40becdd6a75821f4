"""The three forms of an answer, and which one a client gets."""

import pytest

from tests.simulator.rig import Client

TEXT = "/rest/smsmessaging/text"
GOOD = b'{"recipientAddressList":["436600000001"],"messageContent":"hi"}'


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        (TEXT, None, "xml"),
        (TEXT, "*/*", "xml"),
        (TEXT, "application/xml", "xml"),
        (TEXT, "application/json", "json"),
        (TEXT, "text/html, application/json;q=0.5", "json"),
        (TEXT, "text/html", None),
        ("/json/smsmessaging/text", None, "json"),
        ("/json/smsmessaging/text", "text/html", "json"),
    ],
)
async def test_the_accept_header_decides(client: Client, path: str, accept: str | None, kind: str | None) -> None:
    answer = await client.call(path, GOOD, headers={"Accept": accept})
    if kind is None:
        assert answer.status == 406
        return
    assert answer.headers["Content-Type"] == f"application/{kind};charset=UTF-8"
    assert answer.body.startswith(b"{" if kind == "json" else b"<?xml")
    assert (b"<smsSendResponse><statusMessage>OK</statusMessage><statusCode>2000<" in answer.body) == (kind == "xml")
