"""Reads a mail and makes an SMS of it, so often as the argument says: what callgrind counts the instructions of."""

import sys

from bridge import text, translate
from bridge.message import encode_sms
from bridge.routing import Route
from tests.bench.load import mails


def main() -> None:
    """Everything between DATA and the spool that does not depend on who sent it."""
    make = mails("counted")
    route = Route(name="*@sms.example.com", row=1, address="*@sms.example.com", local=True)
    for number in range(int(sys.argv[1])):
        encode_sms(translate.sms_from_mail(text.read(make(number).removesuffix(b".\r\n")), route))


if __name__ == "__main__":
    main()
