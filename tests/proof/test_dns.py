"""Three outcomes that are never mixed up, within a deadline, from a real server over UDP and TCP."""

import time
from ipaddress import ip_address

import dns.exception
import dns.message
import dns.resolver
import pytest

from bridge.proof.dns import LONGEST_ANSWER, Resolver, Trouble
from tests.proof.dns_stub import Fault, Stub, serving


def resolver(*stubs: Stub, patience: float = 5.0) -> Resolver:
    return Resolver([stub.address for stub in stubs], patience=patience)


async def test_records_of_every_kind(stub: Stub) -> None:
    stub.add("example.org", "TXT", "v=spf1 " + "a" * 300, b"\x96")
    stub.add("example.org", "A", "192.0.2.1", "192.0.2.2")
    stub.add("example.org", "AAAA", "2001:db8::1")
    stub.add("example.org", "MX", "20 Mail2.example.org.", "10 mail1.example.org.")
    stub.add("1.2.0.192.in-addr.arpa", "PTR", "Mail.example.org.")
    asked = resolver(stub)
    assert set(await asked.texts("example.org")) == {"v=spf1 " + "a" * 300, "\x96"}
    assert set(await asked.addresses("Example.org.", 4)) == {ip_address("192.0.2.1"), ip_address("192.0.2.2")}
    assert await asked.addresses("example.org", 6) == (ip_address("2001:db8::1"),)
    assert await asked.exchangers("example.org") == ("mail1.example.org", "mail2.example.org")
    assert await asked.names(ip_address("192.0.2.1")) == ("mail.example.org",)


async def test_an_alias_is_followed(stub: Stub) -> None:
    stub.add("a.example.org", "CNAME", "b.example.org.")
    stub.add("b.example.org", "TXT", "hello")
    assert await resolver(stub).texts("a.example.org") == ("hello",)


async def test_no_such_name_is_not_the_same_as_no_such_record(stub: Stub) -> None:
    stub.add("example.org", "A", "192.0.2.1")
    asked = resolver(stub)
    assert await asked.texts("example.org") == await asked.texts("nobody.example.net") == ()
    assert await asked.exists("example.org")
    assert not await asked.exists("nobody.example.net")


@pytest.mark.parametrize("fault", ["servfail", "refused", "silent", "garbage"])
async def test_trouble_is_never_no_answer(stub: Stub, fault: Fault) -> None:
    stub.add("example.org", "TXT", "hello")
    stub.fail("example.org", fault)
    asked = resolver(stub, patience=0.5)
    begun = time.monotonic()
    with pytest.raises(Trouble):
        await asked.texts("example.org")
    with pytest.raises(Trouble):
        await asked.exists("example.org")
    assert time.monotonic() - begun < 15


async def test_an_answer_to_another_question_is_not_taken(stub: Stub) -> None:
    stub.add("example.org", "TXT", "forged")
    stub.fail("example.org", "wrong-id")
    with pytest.raises(Trouble):
        await resolver(stub, patience=0.5).texts("example.org")


async def test_what_does_not_fit_into_a_datagram_comes_over_tcp(stub: Stub) -> None:
    stub.add("example.org", "TXT", "x" * 3000)
    stub.add("cut.example.org", "TXT", "hello")
    stub.fail("cut.example.org", "truncate")
    asked = resolver(stub)
    assert await asked.texts("example.org") == ("x" * 3000,)
    assert await asked.texts("cut.example.org") == ("hello",)
    assert [transport for _, _, transport in stub.asked] == ["udp", "tcp"] * 2


async def test_an_answer_beyond_the_bound_is_trouble(stub: Stub) -> None:
    stub.add("example.org", "TXT", "x" * LONGEST_ANSWER)
    with pytest.raises(Trouble):
        await resolver(stub, patience=1).texts("example.org")


async def test_a_server_that_goes_silent_over_tcp_is_given_up(stub: Stub) -> None:
    stub.add("example.org", "TXT", "hello")
    stub.fail("example.org", "silent-tcp")
    with pytest.raises(Trouble, match="in time"):
        await resolver(stub, patience=0.6).texts("example.org")
    assert ("example.org", "TXT", "tcp") in stub.asked


async def test_an_answer_to_another_question_is_not_taken_over_tcp_either(stub: Stub) -> None:
    stub.add("example.org", "TXT", "forged" * 500)
    asked = resolver(stub)
    assert len(await asked.texts("example.org")) == 1
    server = asked._resolver.nameservers[0]
    assert not isinstance(server, str)
    stub.fail("example.org", "wrong-id")
    with pytest.raises(dns.exception.DNSException):
        await server.async_query(dns.message.make_query("example.org", "TXT"), 1, None, 0, True, asked._backend)


async def test_answers_are_kept_and_so_is_their_absence(stub: Stub) -> None:
    stub.add("example.org", "TXT", "hello")
    asked = resolver(stub)
    for _ in range(3):
        await asked.texts("example.org")
    assert stub.questions("example.org") == 1


async def test_trouble_is_not_kept(stub: Stub) -> None:
    stub.add("example.org", "TXT", "hello")
    stub.fail("example.org")
    asked = resolver(stub)
    with pytest.raises(Trouble):
        await asked.texts("example.org")
    stub.faults.clear()
    assert await asked.texts("example.org") == ("hello",)


@pytest.mark.parametrize("records", [["x" * 5000], [f"record {number}" for number in range(80)]])
async def test_large_answers_take_no_place_in_the_cache(stub: Stub, records: list[str]) -> None:
    stub.add("example.org", "TXT", *records)
    asked = resolver(stub)
    assert len(await asked.texts("example.org")) == len(await asked.texts("example.org")) == len(records)
    assert sum(transport == "tcp" for _, _, transport in stub.asked) == 2


async def test_the_second_server_is_asked_where_the_first_fails(stub: Stub) -> None:
    async with serving() as second:
        second.add("example.org", "TXT", "hello")
        for fault in ("servfail", "silent"):
            stub.fail("example.org", fault)
            assert await resolver(stub, second).texts("example.org") == ("hello",)


@pytest.mark.parametrize("name", ["a..org", "", ".", "ä.org", "a" * 64 + ".org", "a." * 130 + "org", ".org"])
async def test_what_cannot_be_a_name_is_not_asked(stub: Stub, name: str) -> None:
    assert await resolver(stub).texts(name) == ()
    assert not await resolver(stub).exists(name)
    assert stub.asked == []


async def test_nothing_in_a_name_is_an_escape(stub: Stub) -> None:
    stub.add("a.b.org", "TXT", "wrong")
    assert await resolver(stub).texts(r"a\.b.org") == ()
    assert await resolver(stub).texts(r"\097.b.org") == ()


def test_a_nameserver_is_an_address() -> None:
    with pytest.raises(ValueError, match=r"dns\.example\.com"):
        Resolver([("dns.example.com", 53)])


def test_without_nameservers_it_asks_those_of_the_system() -> None:
    assert Resolver()._resolver.nameservers


def test_a_system_without_a_configuration_has_its_resolver_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def without() -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr("dns.resolver.Resolver", without)
    assert [str(server) for server in Resolver()._resolver.nameservers] == ["Do53:127.0.0.1@53"]
