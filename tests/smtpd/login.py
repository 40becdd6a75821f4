"""A user, and the ways to say who one is, for tests that log in."""

from base64 import b64encode

from tests.smtpd.conftest import Certificates
from tests.smtpd.raw import Raw, Recorder, Rig

NAME, PASSWORD = b"panel", "pässwörd \U0001f511".encode()

BOTH = ("starttls", "implicit")


def b64(octets: bytes) -> str:
    return b64encode(octets).decode()


PLAIN = b64(b"\0" + NAME + b"\0" + PASSWORD)


def users() -> Recorder:
    return Recorder(users={NAME: PASSWORD})


async def secured(rig: Rig, certificates: Certificates) -> Raw:
    client = await rig.greeted()
    await client.start_tls(certificates.client)
    return client
