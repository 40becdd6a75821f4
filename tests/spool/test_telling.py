"""What is due to be told and when, and what is kept of a mail for its notices."""

import pytest

from bridge.message import Channel, Report, Reports, ReportState, State
from bridge.spool import Intake, Original, Step, Telling
from bridge.spool.telling import PATIENCE
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store, look

TEXT, HISTORY = 72 * 3600.0, 90 * 86400.0
END = NOW + 86400


async def fail(spool: Store, *names: str, at: float) -> None:
    steps = [Step(id=name, to=State.FAILED, event="bounced", told="failed") for name in names]
    assert all(await spool.move(steps, at))


def ids(due: list[Telling]) -> list[tuple[str, str]]:
    return [(item.delivery.id, item.told) for item in due]


async def tell(spool: Store, *told: tuple[str, str], at: float = NOW) -> None:
    await spool.accept(Intake(id=f"N{at}", kind="notice", at=at, told=told))


async def test_outcomes_of_a_mail_wait_until_no_more_come(spool: Store) -> None:
    await spool.accept(intake(*(delivery(n, state=State.SENDING) for n in range(1, 6))))
    for number in range(1, 5):
        await fail(spool, f"M1-{number}", at=NOW + number)
        assert await spool.telling(NOW + number - 1, NOW + number + 1, 9) == []
    assert len(await spool.telling(NOW + 4, NOW + 6, 9)) == 4


async def test_but_not_for_ever(spool: Store) -> None:
    await spool.accept(intake(delivery(1, state=State.SENDING), delivery(2, state=State.SENDING)))
    await fail(spool, "M1-1", at=NOW)
    late = NOW + PATIENCE * 2
    await fail(spool, "M1-2", at=late - 1)
    assert await spool.telling(late - 3, late - 1, 9) == []
    assert len(await spool.telling(late - 2, late, 9)) == 2


async def test_a_mail_is_never_cut_by_the_limit(spool: Store) -> None:
    await spool.accept(intake(*(delivery(n, state=State.SENDING, warn_at=NOW + 9) for n in range(1, 501))))
    assert len(await spool.telling(NOW + 9, NOW + 9, 1)) == 500, "late ones"
    await fail(spool, *(f"M1-{n}" for n in range(1, 501)), at=NOW)
    assert len(await spool.telling(NOW, NOW + 9, 1)) == 500


@pytest.mark.parametrize(
    ("notify", "reports", "told"),
    [
        ("success,failure", Reports.NONE, True),
        ("", Reports.ALL, True),
        ("", Reports.FAILURES, False),
        ("failure,delay", Reports.ALL, False),
        ("never", Reports.ALL, False),
    ],
)
async def test_who_asked_for_success_hears_at_the_end_that_no_report_came(
    spool: Store, notify: str, reports: Reports, told: bool
) -> None:
    await spool.accept(intake(delivery(state=State.SENDING, notify=notify, reports=reports, warn_at=NOW + 9)))
    await spool.move([Step(id="M1-1", to=State.SENT, event="sent")], NOW + 1)
    assert await spool.telling(END - 1, END - 1, 9) == []
    assert ids(await spool.telling(END, END, 9)) == [("M1-1", "relayed")] * told
    await tell(spool, ("M1-1", "relayed"), at=END)
    assert await spool.telling(END + 9, END + 9, 9) == []


async def test_a_report_in_time_leaves_nothing_to_say(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENDING, notify="success")))
    await spool.move([Step(id="M1-1", to=State.SENT, event="sent")], NOW + 1)
    await spool.report(Report(notification_id="r", state=ReportState.DELIVERED, client_message_id="M1-1"), NOW + 2)
    assert ids(await spool.telling(END, END, 9)) == [("M1-1", "delivered")]


async def test_who_was_told_that_it_went_out_is_told_when_it_arrives(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENDING, notify="success")))
    await spool.move([Step(id="M1-1", to=State.SENT, event="sent")], NOW + 1)
    await tell(spool, ("M1-1", "relayed"), at=END)
    await spool.report(Report(notification_id="r", state=ReportState.DELIVERED, client_message_id="M1-1"), END + 1)
    assert ids(await spool.telling(END + 1, END + 1, 9)) == [("M1-1", "delivered")]


async def test_a_phone_last_seen_unreachable_was_not_relayed_but_fails(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENDING, notify="success")))
    await spool.move([Step(id="M1-1", to=State.SENT, event="sent")], NOW + 1)
    await spool.report(Report(notification_id="r", state=ReportState.UNDELIVERED, client_message_id="M1-1"), NOW + 2)
    assert await spool.telling(END, END, 9) == []
    assert [item.id for item in await spool.expired(END, 9)] == ["M1-1"]


async def test_what_is_postponed_is_told_later_and_holds_up_nothing(spool: Store) -> None:
    await spool.accept(intake(*(delivery(n, state=State.SENDING, warn_at=NOW + 1) for n in (1, 2, 3))))
    await fail(spool, "M1-1", at=NOW)
    await spool.postpone([("M1-1", "failed"), ("M1-2", "delayed")], NOW + 3600)
    await fail(spool, "M1-3", at=NOW + 9)
    assert ids(await spool.telling(NOW + 9, NOW + 11, 9)) == [("M1-3", "failed")]
    await tell(spool, ("M1-3", "failed"), at=NOW + 12)
    assert await spool.telling(NOW + 3590, NOW + 3599, 9) == []
    assert ids(await spool.telling(NOW + 3600, NOW + 3600, 9)) == [("M1-1", "failed"), ("M1-2", "delayed")]


async def test_what_is_owed_to_one_sender_alone(spool: Store) -> None:
    await spool.accept(
        intake(delivery(1, state=State.SENDING), delivery(2, state=State.SENDING, author="b@example.org"))
    )
    relayed = delivery(1, "M2", channel=Channel.MAIL, state=State.SENDING)
    await spool.accept(intake(relayed, delivery(2, "M2", state=State.SENDING, author=None), id="M2"))
    await fail(spool, "M1-1", "M1-2", "M2-1", "M2-2", at=NOW)
    assert ids(await spool.telling(NOW, NOW, 1, told_to="b@example.org")) == [("M1-2", "failed")]
    assert ids(await spool.telling(NOW, NOW, 9, told_to="")) == [("M2-1", "failed"), ("M2-2", "failed")]


async def test_a_group_that_was_split_up_is_told_of_whatever_becomes_of_its_phones(spool: Store) -> None:
    group = [("M1-1", "team@sms.example.com")]
    await spool.accept(intake(delivery(1, notify="never"), delivery(2, notify="never"), expanded=group))
    await spool.move([Step(id="M1-1", to=State.FAILED, event="bounced", told="failed")], NOW + 1)
    (found,) = await spool.telling(NOW + 2, NOW + 4, 9)
    assert (found.told, found.delivery.id, found.delivery.address) == ("expanded", "M1-1", "team@sms.example.com")
    await spool.postpone([("M1-1", "expanded")], NOW + 10)
    assert await spool.telling(NOW + 9, NOW + 9, 9) == []
    assert len(await spool.telling(NOW + 10, NOW + 10, 9, told_to="anna@example.org")) == 1
    await tell(spool, ("M1-1", "expanded"), at=NOW + 10)
    assert await spool.telling(NOW + 99, NOW + 99, 9) == []


async def test_a_group_of_which_no_phone_is_new_is_not_kept_for_ever(spool: Store) -> None:
    """One whose mail came before leaves nothing behind that would stand in the way of others."""
    again = {"seen": [b"key", b"other"], "expanded": [("M2-1", "team@sms.example.com")], "id": "M2"}
    await spool.accept(intake(delivery(1), seen=[b"key"]))
    await spool.accept(intake(delivery(1, "M2"), delivery(2, "M2"), **again))
    assert await look(spool, "SELECT delivery FROM expansions") == []


@pytest.mark.parametrize("told", ["failed", "delayed", "relayed", "expanded"])
async def test_what_is_not_owed_any_more_is_not_told(spool: Store, told: str) -> None:
    """Between looking and telling, news came: a notice of what was before would be wrong, or a second one."""
    await spool.accept(intake(delivery(state=State.SENDING, notify="success,failure,delay", warn_at=NOW + 1)))
    await fail(spool, "M1-1", at=NOW + 2)
    await spool.report(Report(notification_id="r", state=ReportState.DELIVERED, client_message_id="M1-1"), NOW + 3)
    notice = delivery(mail="N1", channel=Channel.MAIL, recipient="anna@example.org", sender="")
    accepted = await spool.accept(intake(notice, id="N1", kind="notice", told=[("M1-1", told)]))
    assert accepted.repeated
    assert await spool.show("N1") == []
    assert ids(await spool.telling(NOW + 3, NOW + 5, 9)) == [("M1-1", "delivered")]


@pytest.mark.parametrize("told", ["failed", "delayed", "relayed", "expanded"])
async def test_what_is_not_owed_any_more_is_not_put_off_either(spool: Store, told: str) -> None:
    """Else what is over would be told in an hour."""
    await spool.accept(intake(delivery(state=State.SENDING, warn_at=NOW + 1)))
    await fail(spool, "M1-1", at=NOW + 2)
    await spool.report(Report(notification_id="r", state=ReportState.DELIVERED, client_message_id="M1-1"), NOW + 3)
    await spool.postpone([("M1-1", told)], NOW + 4)
    assert await spool.telling(END, END, 9) == []


async def test_a_notice_of_many_is_told_whole_or_not_at_all(spool: Store) -> None:
    await spool.accept(intake(delivery(1, state=State.SENDING), delivery(2, state=State.SENDING)))
    await fail(spool, "M1-1", "M1-2", at=NOW + 2)
    await spool.report(Report(notification_id="r", state=ReportState.DELIVERED, client_message_id="M1-1"), NOW + 3)
    await tell(spool, ("M1-1", "failed"), ("M1-2", "failed"))
    assert ids(await spool.telling(NOW + 3, NOW + 5, 9)) == [("M1-2", "failed")]


async def test_what_ends_now_is_not_said_to_be_delayed(spool: Store) -> None:
    """After a long time without power both are due; that it is still tried would be a lie."""
    await spool.accept(intake(delivery(warn_at=NOW + 900)))
    assert ids(await spool.telling(END - 1, END - 1, 9)) == [("M1-1", "delayed")]
    assert await spool.telling(END, END, 9) == []


async def test_a_failure_that_was_told_is_corrected_after_a_retry_too(spool: Store) -> None:
    await spool.accept(intake(delivery(1, state=State.SENDING), delivery(2, state=State.SENDING)))
    await fail(spool, "M1-1", "M1-2", at=NOW)
    await tell(spool, ("M1-1", "failed"))
    for name in ("M1-1", "M1-2"):  # of the second nobody had heard yet
        for state in (State.QUEUED, State.SENDING, State.SENT):
            assert await spool.move([Step(id=name, to=state, event="x")], NOW + 1) == [True]
        report = Report(notification_id=name, state=ReportState.DELIVERED, client_message_id=name)
        await spool.report(report, NOW + 3)
    assert ids(await spool.telling(NOW + 3, NOW + 5, 9)) == [("M1-1", "corrected")]


async def test_when_it_was_last_tried_is_known(spool: Store) -> None:
    await spool.accept(intake(delivery(), delivery(2)))
    for at in (NOW + 1, NOW + 7):
        await spool.move([Step(id="M1-1", to=State.SENDING, event="sending")], at)
        await spool.move([Step(id="M1-1", to=State.QUEUED, event="deferred")], at + 1)
    await fail(spool, "M1-1", "M1-2", at=NOW + 9)
    assert [item.attempted for item in await spool.telling(NOW + 9, NOW + 9, 9)] == [NOW + 7, None]


async def test_what_comes_back_of_a_mail_is_kept_as_long_as_its_text(spool: Store) -> None:
    kept = {"original": b"Subject: x\r\n", "whole": True, "envid": "e", "ret": "full"}
    await spool.accept(intake(delivery(1, state=State.SENT), delivery(2), **kept))
    found = Original(at=NOW, **kept)  # type: ignore[arg-type]  # the same names
    await spool.purge(NOW + TEXT + 1, TEXT, HISTORY, 9)
    assert await spool.original("M1") == found, "one of its phones waits still"
    await spool.move([Step(id="M1-2", to=State.SENDING, event="x")], NOW)
    await spool.move([Step(id="M1-2", to=State.SENT, event="x")], NOW)
    await spool.purge(NOW + TEXT + 1, TEXT, HISTORY, 9)
    assert await spool.original("M1") == Original(at=NOW, envid="e", ret="full")
    assert await spool.original("M2") is None


async def test_with_the_history_the_group_is_forgotten(spool: Store) -> None:
    await spool.accept(intake(delivery(1, state=State.SENT), expanded=[("M1-1", "team@sms.example.com")]))
    await spool.purge(NOW + HISTORY + 1, TEXT, HISTORY, 9)
    rows = await look(spool, "SELECT count(*) FROM expansions")
    assert rows == [(0,)]
