"""Every switch of the simulator: the accounts it knows and how it behaves.

Where nobody knows how the real provider behaves, one behaviour is chosen and stands here as a setting, so
that a test can flip it and a later finding costs one line. Settings are plain mutable objects and are read at
every request: a test changes ``sim.settings.x`` while the simulator runs.
"""

import secrets
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

ALL_RIGHTS = frozenset({"api", "sms", "binary", "voice", "flash"})

LIFETIME = 259_200  # seconds; the provider's longest validityPeriode, and what an unset one means here


@dataclass(kw_only=True)
class Account:
    """One customer account: how it proves itself, what it may do, where its notifications go."""

    user: str = "simulator@example.com"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    tokens: tuple[str, ...] = field(default_factory=lambda: (secrets.token_urlsafe(24),))
    networks: tuple[str, ...] = ()  # CIDRs that may use the account; empty: any
    state: Literal["active", "off", "invalid"] = "active"
    rights: frozenset[str] = ALL_RIGHTS
    senders: tuple[str, ...] | None = None  # originators assigned to the account; None: every well-formed one
    default_sender: str = "436600000099"
    max_priority: int = 9
    default_priority: int = 5
    default_category: str = "informational"
    quota: int | None = None  # SMS (parts x recipients) the account may still send in all; None: no limit
    rate_limit: tuple[float, int] | None = None  # requests per second, burst
    allowed_prefixes: tuple[str, ...] = ()  # of recipients; empty: every country
    blacklist: Collection[str] = ()  # recipients: "436600000001" or, for one category, "436600000001:advertisement"
    quality_list: Collection[str] = ()
    spam_list: Collection[str] = ()
    notify_url: str | None = None  # the rule for incoming messages; user:password@ becomes a Basic header
    report_url: str | None = None  # account-wide reports, for sends without a notificationCallbackUrl
    notify_format: Literal["json", "xml"] = "json"


@dataclass(kw_only=True)
class SimulatorSettings(Account):
    """The first account itself (its fields are inherited) plus everything that is not of one account.

    ``codes`` overrides the statusCode of a row of `checks.CHECKS` by its name, for example ``{"4": 4024}``;
    ``check_order`` puts the named rows first. Durations are seconds of the simulator's clock unless said
    otherwise.
    """

    other_accounts: tuple[Account, ...] = ()
    strict: bool = False  # refuse with 4000 what the real one only tolerates

    # requests
    wildcard_format: Literal["xml", "json"] = "xml"  # the answer on /rest/ to Accept: */* or none
    wrong_method_status: int = 405
    check_content_type: bool = True
    expect_limit: int | None = 1024  # bytes; a longer body announced with Expect: 100-continue gets 417
    invalid_token_body: bool = False  # an OAuth-style body in the 401 to a bad Bearer token
    header_wins: bool = True  # over access_token
    empty_body_is_4120: bool = False

    # validation
    codes: Mapping[str, int] = field(default_factory=dict)
    check_order: tuple[str, ...] = ()
    ip_limit: tuple[float, int] | None = None  # requests per second, burst, for one address
    max_recipients: int = 1000
    refuse_white_text: bool = True
    max_client_message_id: int = 255  # characters
    max_segments: int = 255  # the eight bits of a concatenation header
    mixed_lists: Literal["accept", "refuse"] = "accept"  # some recipients blocked, some not
    deduplicate: bool = False  # by clientMessageId: a second post gets the first answer and sends nothing

    # success
    queue_threshold: int = 100  # more recipients than this: 2001
    sms_count_per_recipient: bool = True
    test_sms_count_zero: bool = False

    # reports
    report_delay: float = 0.05
    report_gap: float = 0.05  # between the reports of one message
    per_segment: bool = False
    report_recipient: bool = False
    report_swap: bool = False
    report_client_id: bool = True
    report_first: bool = False  # the first report is delivered before the send is answered
    report_duplicate: Literal["", "same_id", "new_id"] = ""
    report_reverse: bool = False
    report_orphan: bool = False  # reports name a transferId nobody has seen

    # notifications
    notify_parallel: int = 4
    notify_timeout: float = 10.0  # real seconds
    notify_idle: float = 2.0  # real seconds a connection to the bridge is kept for the next notification
    retry_delays: tuple[float, ...] = (10, 30, 60, 120, 300, 600, 900, 1800)
    retry_every: float = 3600.0  # after those
    lifetime: float = LIFETIME
    notify_content_type: str | None = "default"  # None: no header; any other text is sent as it is
    notification_id_decimal: bool = False
    base64_standard: bool = False  # standard alphabet, unpadded, in place of URL-safe
    xml_root: str | None = None  # insist on this root element in our answer
    notify_tls: ssl.SSLContext | None = None  # trust for https URLs; None: the system's

    # machinery
    tls: ssl.SSLContext | None = None  # of the provider port
    clock: Callable[[], float] | None = None  # Unix seconds; None: time.time
    speed: float = 1.0  # simulated seconds per second; 0: time moves only by steps
    keep: int = 1_000_000  # messages, notifications and refusals remembered; the oldest are forgotten
    accept_log: str | None = None  # file: one JSON line per accepted message, written before the answer
    accept_log_fsync: bool = True  # and on the disk before the answer, so that a power cut forgets none

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, the first one first."""
        return (self, *self.other_accounts)
