"""Whether a database is the newest state of its spool, and what becomes of one that is not."""

import os
import shutil
from pathlib import Path

import apsw
import pytest

from bridge.message import Channel, State, StoreUnavailable
from bridge.spool import Step
from bridge.spool.generation import HELD, advance, file_of, write
from bridge.spool.sqlite import open_spool
from tests.make import NOW, delivery, intake

SENDING = Step(id="M1-1", to=State.SENDING, event="sending", attempts=1)


async def begun(path: Path) -> int | None:
    """A daemon starts and stops: how many SMS it held, or None."""
    spool = await open_spool(path)
    held = await spool.begin(NOW)
    await spool.close()
    return held


async def states(path: Path) -> list[State]:
    spool = await open_spool(path)
    found = [item.state for item, _ in await spool.show("M1")]
    await spool.close()
    return found


async def with_a_queue(path: Path) -> Path:
    """A spool that ran once, with an SMS that waits, one under way, one mail; and a copy of it."""
    spool = await open_spool(path)
    assert await spool.begin(NOW) is None
    await spool.accept(intake(delivery(1), delivery(2), delivery(3, channel=Channel.MAIL)))
    await spool.move([SENDING], NOW)
    await spool.close()
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    return copy


async def test_the_newest_state_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await with_a_queue(path)
    for _ in range(3):
        assert await begun(path) is None
    assert await states(path) == [State.SENDING, State.QUEUED, State.QUEUED]


async def test_row_77_an_older_copy_is_held_and_known_as_such_once(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    copy = await with_a_queue(path)
    assert await begun(path) is None  # whatever it sends now, the copy knows nothing of it
    shutil.copy(copy, path)
    spool = await open_spool(path)
    assert await spool.begin(NOW) == 1
    # What was under way is unknown, as after every crash, and needs a --yes; mails go again under their Message-ID.
    assert await spool.recover(NOW) == (1, 0)
    await spool.close()
    assert await states(path) == [State.UNKNOWN, State.HELD, State.QUEUED]
    assert await begun(path) is None, "the next start is an ordinary one"


async def test_row_77_a_copy_made_while_it_ran_is_an_older_one_as_soon_as_it_counts_up(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    spool = await open_spool(path)
    await spool.begin(NOW)
    await spool.accept(intake(delivery(1)))
    _copied(path, tmp_path / "copy")
    await spool.advance()
    before = file_of(path).read_text()
    await spool.advance()
    assert file_of(path).read_text() == before, "nothing changed meanwhile"
    await spool.accept(intake(delivery(mail="M2")))
    await spool.advance()
    assert file_of(path).read_text() != before
    await spool.close()
    shutil.copy(tmp_path / "copy", path)
    assert await begun(path) == 1


def _copied(path: Path, copy: Path) -> None:
    """As other programs copy a database that is in use."""
    copy.touch(mode=0o600)
    target, source = apsw.Connection(str(copy)), apsw.Connection(str(path))
    with target.backup("main", source, "main") as backup:
        backup.step()
    target.close()
    source.close()


async def test_row_77_what_a_command_changed_counts_too(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    spool = await open_spool(path)
    await spool.begin(NOW)
    await spool.accept(intake(delivery(1)))
    await spool.advance()
    _copied(path, tmp_path / "copy")
    command = await open_spool(path, command=True)
    await command.move([Step(id="M1-1", to=State.DROPPED, event="dropped")], NOW)
    await command.close()
    await spool.advance()
    await spool.close()
    shutil.copy(tmp_path / "copy", path)
    assert await begun(path) == 1, "what was dropped is not sent"


async def test_row_77_two_that_count_at_the_same_time_never_count_down(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    spool = await open_spool(path)
    await spool.begin(NOW)
    first = await spool.writer.run(lambda db: advance(db, path))
    second = await spool.writer.run(lambda db: advance(db, path))
    write(path, second)
    write(path, first)  # by the daemon, which was slower with its file than the command after it
    assert file_of(path).read_text() == second
    await spool.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
async def test_what_roots_command_writes_the_daemon_can_read(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await with_a_queue(path)
    os.chown(path, 65534, 65534)
    spool = await open_spool(path, command=True)
    await spool.advance()
    await spool.close()
    assert file_of(path).stat().st_uid == 65534


@pytest.mark.parametrize("content", [None, "", "rubbish\n", "0123456789abcdef 1\n", "0123456789abcdef 99\n"])
async def test_row_77_without_its_file_or_with_anothers_it_is_as_careful(tmp_path: Path, content: str | None) -> None:
    """Who rolled back the whole machine removes the file."""
    path = tmp_path / "s.db"
    await with_a_queue(path)
    file = file_of(path)
    file.unlink() if content is None else file.write_text(content)
    assert await begun(path) == 1
    assert await begun(path) is None


async def test_a_crash_between_the_two_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await with_a_queue(path)
    before = file_of(path).read_text()
    assert await begun(path) is None
    file_of(path).write_text(before)  # the database was counted up, the file not yet
    assert await begun(path) is None


async def test_a_file_that_cannot_be_read_is_no_reason_to_send(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await with_a_queue(path)
    file_of(path).unlink()
    file_of(path).mkdir(mode=0o700)
    with pytest.raises(StoreUnavailable):
        await begun(path)


async def test_what_is_held_says_why(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    await with_a_queue(path)
    file_of(path).unlink()
    await begun(path)
    spool = await open_spool(path)
    ((found, events),) = await spool.show("M1-2")
    await spool.close()
    assert found.code == HELD
    assert "older copy" in found.reason
    assert events[-1].event == "held"


async def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    await with_a_queue(tmp_path / "s.db")
    assert file_of(tmp_path / "s.db").stat().st_mode & 0o777 == 0o600


async def test_row_78_what_a_clock_that_was_ahead_put_off_is_tried_within_hours(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    spool = await open_spool(path)
    await spool.accept(intake(delivery(1, next_at=NOW + 2 * 86400), delivery(2, next_at=NOW + 300)))
    await spool.begin(NOW)
    found = {item.id: item.next_at - NOW for item, _ in await spool.show("M1")}
    await spool.close()
    assert found == {"M1-1": 7200.0, "M1-2": 300.0}
