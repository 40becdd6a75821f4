"""DNS: does mail for our domains find a server, what are we called, and may we send as what we send as."""

import asyncio
import importlib.util
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from bridge.cli.findings import Case, Finding, ok, warn
from bridge.cli.terminal import in_thread

if TYPE_CHECKING:
    from bridge.proof.dns import Address, Resolver

_VERSIONS: tuple[Literal[4, 6], ...] = (4, 6)
_INSIDE = "if only mail servers of yours write to it, which know the way, all is well"


async def look(case: Case) -> Sequence[Finding]:
    """Our domains and our own name. Nothing here stops the bridge, so all findings are warnings."""
    if importlib.util.find_spec("dns") is None:
        return [await _address(domain) for domain in case.configuration.settings.domains]
    from bridge.proof.dns import Resolver, Trouble  # noqa: PLC0415  # an extra

    settings = case.configuration.settings
    servers = [(server.host, server.port) for server in settings.mail_authentication.nameservers]
    resolver = Resolver(servers, patience=case.patience * 0.8)
    try:
        return await asyncio.gather(
            *(_domain(resolver, domain) for domain in settings.domains),
            _own_name(resolver, settings.hostname),
            *([] if settings.smarthost.host is None else [_spf(resolver, settings.domains[0])]),
        )
    except Trouble as trouble:
        return [warn("DNS", str(trouble), "look at /etc/resolv.conf and at the name servers in it")]


async def _address(domain: str) -> Finding:
    """Without dnspython only addresses can be asked for."""
    try:
        await in_thread(socket.getaddrinfo, domain, 25)
    except OSError as error:
        text = f"{domain} has no address ({error.strerror}); its MX cannot be looked up without dnspython"
        return warn("DNS", text, "pip install dnspython, and look again")
    return ok("DNS", f"{domain} has an address")


async def _domain(resolver: "Resolver", domain: str) -> Finding:
    servers = await resolver.exchangers(domain)
    for server in servers or (domain,):
        if not await _addresses(resolver, server):
            if not servers:
                text = f"{domain} has neither MX nor address: mail from elsewhere does not get here"
                return warn("DNS", text, f'publish "{domain}. MX 10" and the name of this machine; {_INSIDE}')
            text = f"the mail server {server or '.'} of {domain} has no address"
            return warn("DNS", text, f"publish an A or AAAA record for {server or 'it'}, or another MX")
    return ok("DNS", f"mail for {domain} goes to {', '.join(servers or (domain,))}")


async def _own_name(resolver: "Resolver", hostname: str) -> Finding:
    if hostname == "localhost":
        return warn("own name", "hostname is localhost: mail servers mistrust that", "set hostname in bridge.toml")
    addresses = await _addresses(resolver, hostname)
    if not addresses:
        return warn("own name", f"{hostname} has no address", f"publish an A record for {hostname}, or set hostname")
    for address in addresses:
        called = await resolver.names(address)
        if hostname not in called:
            text = f"the reverse name of {address} is {', '.join(called) or 'not set'}, not {hostname}"
            remedy = (
                "have whoever gave you the address set it; only needed where mail leaves without a smarthost's name"
            )
            return warn("own name", text, remedy)
    return ok("own name", f"{hostname} is {', '.join(map(str, addresses))}, and back")


async def _spf(resolver: "Resolver", domain: str) -> Finding:
    """Relayed SMS leave with an envelope sender in the first of our domains."""
    if any(text.lower().startswith("v=spf1") for text in await resolver.texts(domain)):
        return ok("SPF", f"{domain} says who may send as it")
    text = f"{domain} has no SPF record: relayed SMS may be taken for spam"
    return warn("SPF", text, f'publish "{domain}. TXT" with "v=spf1 … -all" that names the smarthost\'s servers')


async def _addresses(resolver: "Resolver", name: str) -> list["Address"]:
    return [address for version in _VERSIONS for address in await resolver.addresses(name, version)]
