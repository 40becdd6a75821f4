"""Which domains speak for which, and what the owner's record says of it."""

import pytest

from bridge.proof import dmarc
from bridge.proof.dmarc import Owners, Policy
from bridge.proof.dns import Resolver, Trouble
from tests.proof.dns_stub import Stub

RELAXED, STRICT = Policy(), Policy(strict_dkim=True, strict_spf=True)


@pytest.fixture(scope="module")
def owners() -> Owners:
    return Owners()


@pytest.mark.parametrize(
    ("first", "second"),
    [("example.org", "mail.example.org"), ("a.b.example.org", "c.example.org"), ("a.example.co.uk", "example.co.uk"),
     ("co.uk", "co.uk")],
)  # fmt: skip
def test_one_owner(owners: Owners, first: str, second: str) -> None:
    assert owners.one(first, second)
    assert owners.one(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [("example.org", "example.net"), ("a.co.uk", "b.co.uk"), ("co.uk", "org.uk"), ("co.uk", "a.co.uk"),
     ("org", "example.org"), ("badexample.org", "example.org"), ("a.github.io", "b.github.io")],
)  # fmt: skip
def test_two_owners(owners: Owners, first: str, second: str) -> None:
    assert not owners.one(first, second)
    assert not owners.one(second, first)


@pytest.mark.parametrize(
    ("record", "policy"),
    [
        ("v=DMARC1; p=none", RELAXED),
        ("v=DMARC1;p=reject;adkim=r;aspf=r;pct=100", RELAXED),
        ("v=DMARC1; p=none; adkim=s", Policy(strict_dkim=True)),
        ("v=DMARC1; p=none; aspf=S", Policy(strict_spf=True)),
        ("v=DMARC1; p=none; adkim=strict; aspf=", STRICT),
        ("v=DMARC1", RELAXED),
        ("v=DMARC1; p", None),
        ("v=DMARC1; p=none; p=none", None),
        ("v=DMARC10; p=none", None),
        ("p=none; v=DMARC1", None),
        ("v=dmarc1; p=none", None),
        ("", None),
    ],
)
async def test_records(stub: Stub, record: str, policy: Policy | None) -> None:
    stub.add("_dmarc.example.org", "TXT", record)
    assert await dmarc.policy(Resolver([stub.address]), "example.org", "example.org") == policy


async def test_the_own_record_comes_before_the_organisations(stub: Stub) -> None:
    stub.add("_dmarc.example.org", "TXT", "v=DMARC1; p=none; adkim=s; aspf=s")
    asked = Resolver([stub.address])
    assert await dmarc.policy(asked, "a.b.example.org", "example.org") == STRICT
    stub.add("_dmarc.c.b.example.org", "TXT", "v=DMARC1; p=none")
    assert await dmarc.policy(asked, "c.b.example.org", "example.org") == RELAXED
    assert stub.questions("_dmarc.b.example.org") == 0


async def test_two_records_are_none_and_what_cannot_be_read_is_not_replaced(stub: Stub) -> None:
    stub.add("_dmarc.example.org", "TXT", "v=DMARC1; p=none")
    stub.add("_dmarc.two.example.org", "TXT", "v=DMARC1; p=none", "v=DMARC1; p=reject")
    stub.add("_dmarc.bad.example.org", "TXT", "v=DMARC1; p=none; p=none")
    stub.add("_dmarc.other.example.org", "TXT", "hello")
    asked = Resolver([stub.address])
    assert await dmarc.policy(asked, "two.example.org", "example.org") is None
    assert await dmarc.policy(asked, "bad.example.org", "example.org") is None
    assert await dmarc.policy(asked, "other.example.org", "example.org") == RELAXED


async def test_a_domain_without_an_owner_has_its_own_record_only(stub: Stub) -> None:
    assert await dmarc.policy(Resolver([stub.address]), "co.uk", None) is None
    assert [name for name, _, _ in stub.asked] == ["_dmarc.co.uk"]


async def test_trouble_is_trouble_though_the_organisation_has_a_record(stub: Stub) -> None:
    stub.add("_dmarc.example.org", "TXT", "v=DMARC1; p=none")
    stub.fail("_dmarc.a.example.org")
    with pytest.raises(Trouble):
        await dmarc.policy(Resolver([stub.address], patience=0.4), "a.example.org", "example.org")
