"""Certificates for one test run."""

import ssl
from dataclasses import dataclass

import pytest
import trustme


@dataclass(frozen=True)
class Certificates:
    server: ssl.SSLContext
    other_server: ssl.SSLContext  # another certificate of the same authority
    client: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    authority = trustme.CA()
    servers = []
    for name in ("localhost", "127.0.0.1"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name, "localhost").configure_cert(context)
        servers.append(context)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    return Certificates(server=servers[0], other_server=servers[1], client=client)
