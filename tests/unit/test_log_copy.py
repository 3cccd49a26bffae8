"""The laptop's own copy of a log: what is committed is good, and what is not is fetched once more."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.logs import HEAD_BYTES, LogCopy

RUN = "a" * 64


@pytest.fixture
def place(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_new_process_goes_on_where_the_last_one_was(place: Home) -> None:
    first = LogCopy(place, RUN, 1)
    first.append(b"one\n")
    first.append(b"tw\xc3")
    again = LogCopy(place, RUN, 1)
    assert (again.offset, b"".join(again.stored()), again.head()) == (7, b"one\ntw\xc3", first.head())
    again.append(b"\xa9\n")
    assert b"".join(LogCopy(place, RUN, 1).stored()).decode() == "one\ntwé\n"


def test_bytes_written_without_their_offset_are_overwritten(place: Home) -> None:
    copy = LogCopy(place, RUN, 1)
    copy.append(b"good\n")
    with copy.path.open("ab") as handle:
        handle.write(b"written by a process that died before it noted so")
    again = LogCopy(place, RUN, 1)
    assert (again.offset, b"".join(again.stored())) == (5, b"good\n")
    again.append(b"next\n")
    assert b"".join(again.stored()) == b"good\nnext\n"


def test_two_processes_that_follow_one_run_write_the_same(place: Home) -> None:
    one, other = LogCopy(place, RUN, 1), LogCopy(place, RUN, 1)
    one.append(b"first second ")
    other.append(b"first ")
    other.append(b"second ")
    one.append(b"third")
    assert b"".join(LogCopy(place, RUN, 1).stored()) == b"first second third"


@pytest.mark.parametrize("spoil", [
    lambda copy: copy.path.unlink(),
    lambda copy: copy.path.write_bytes(b""),
    lambda copy: copy.path.write_bytes(b"\0" * copy.offset),
    lambda copy: copy.path.with_suffix(".offset").write_bytes(b"17"),
    lambda copy: copy.path.with_suffix(".offset").unlink(),
], ids=["gone", "empty", "zeros", "torn record", "no record"])
def test_a_copy_that_does_not_fit_its_record_is_begun_anew(place: Home, spoil) -> None:  # type: ignore[no-untyped-def]
    copy = LogCopy(place, RUN, 1)
    copy.append(b"x" * 100)
    spoil(copy)
    assert LogCopy(place, RUN, 1).offset == 0


def test_the_head_is_of_the_first_bytes_and_grows_no_further(place: Home) -> None:
    copy = LogCopy(place, RUN, 1)
    assert copy.head() == (0, "")
    data = bytes(range(256)) * 40
    for at in range(0, len(data), 1000):
        copy.append(data[at : at + 1000])
    assert copy.head() == (HEAD_BYTES, hashlib.sha256(data[:HEAD_BYTES]).hexdigest())
    copy.restart()
    assert (copy.offset, copy.head(), copy.path.read_bytes()) == (0, (0, ""), b"")
    assert LogCopy(place, RUN, 1).offset == 0


def test_a_copy_becomes_the_beginning_of_the_evidence(place: Home, tmp_path: Path) -> None:
    copy = LogCopy(place, RUN, 1)
    copy.append(b"all of it so far")
    target = tmp_path / "train.log.part"
    copy.hand_over(target)
    assert target.read_bytes() == b"all of it so far"
    copy.hand_over(target)
    copy.drop()
    assert not copy.path.parent.exists()
    LogCopy(place, RUN, 2).hand_over(target)
    assert target.read_bytes() == b"all of it so far"
