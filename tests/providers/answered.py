"""Answers of websms made up for tests, and what the bridge makes of them."""

import json

from bridge.message import Receipt
from bridge.providers.websms.answers import Answer, receipt


def judged(fields: object, *, http: int = 200, test: bool = False, retry_after: str | None = None) -> Receipt:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    answer = Answer(status=http, content_type="application/json;charset=UTF-8", retry_after=retry_after, body=body)
    return receipt(answer, delivery_id="m1-1", test=test, now=1_700_000_000.0)


def coded(code: object, **more: object) -> dict[str, object]:
    return {
        "statusCode": code,
        "statusMessage": "in the provider's words",
        "clientMessageId": "m1-1",
        "transferId": "0068f1a2b3000a1b2c3d",
        "smsCount": 1,
        **more,
    }
