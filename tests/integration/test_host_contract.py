"""What a host promises, held against this machine and against a real OpenSSH server by the same tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orchestrator.domain.errors import CommandFailed, HostUnreachable
from orchestrator.transport.host import ChannelEnded, Host
from tests.integration.supervised import wait_for

PATIENCE_S = 60.0
ECHO_LINES = "import sys\nfor line in sys.stdin: sys.stdout.write(line); sys.stdout.flush()"


def python(program: str, *words: str) -> list[str]:
    return [sys.executable, "-c", program, *words]


@pytest.mark.sshd
class TestHostContract:
    """One class, every transport."""

    def test_a_program_runs_to_its_end_with_its_streams_kept_apart(self, any_host: Host) -> None:
        done = any_host.run(["sh", "-c", "echo out; echo err >&2; exit 7"], timeout_s=PATIENCE_S)
        assert (done.exit_code, done.stdout, done.stderr.splitlines()[-1]) == (7, b"out\n", b"err")

    @pytest.mark.parametrize("code", [0, 1, 3, 126, 254])
    def test_every_exit_status_is_an_answer(self, any_host: Host, code: int) -> None:
        assert any_host.run(["sh", "-c", f"exit {code}"], timeout_s=PATIENCE_S).exit_code == code

    @pytest.mark.parametrize("word", ["a b", "$HOME", "`id`", "'", '"', "*", "\\", "a;exit 9", "", "~", "é", "-n", "!x",
                                      "\n"])
    def test_words_reach_the_program_as_they_are(self, any_host: Host, word: str) -> None:
        done = any_host.run(python("import os,sys;sys.stdout.buffer.write(os.fsencode(sys.argv[1]))", word),
                            timeout_s=PATIENCE_S)
        assert done.stdout == word.encode()

    def test_every_byte_value_passes_unchanged_both_ways(self, any_host: Host) -> None:
        data = bytes(range(256)) * 300 + b"\r\n\x04\x1a\x00"
        assert any_host.run(["cat"], stdin=data, timeout_s=PATIENCE_S).stdout == data

    def test_input_and_output_larger_than_any_buffer_flow_at_once(self, any_host: Host) -> None:
        data = bytes(range(256)) * 4096 * 8  # 8 MiB each way, with the reader never ahead of the writer
        done = any_host.run(["cat"], stdin=data, timeout_s=PATIENCE_S)
        assert (len(done.stdout), done.stdout == data) == (len(data), True)

    def test_a_flood_of_errors_does_not_block_the_output(self, any_host: Host) -> None:
        program = "import sys\nsys.stderr.write('e'*(8<<20)); sys.stdout.write('o'*1000)"
        done = any_host.run(python(program), timeout_s=PATIENCE_S)
        assert (done.stdout, len(done.stderr)) == (b"o" * 1000, 8 << 20)

    def test_a_program_need_not_read_its_input(self, any_host: Host) -> None:
        assert any_host.run(["true"], stdin=b"x" * (4 << 20), timeout_s=PATIENCE_S).exit_code == 0

    def test_input_ends_where_it_ends(self, any_host: Host) -> None:
        assert any_host.run(["wc", "-c"], timeout_s=PATIENCE_S).stdout.split() == [b"0"]

    def test_a_program_that_is_not_there_gives_status_127(self, any_host: Host) -> None:
        done = any_host.run(["kdorch-no-such-program"], timeout_s=PATIENCE_S)
        assert done.exit_code == 127
        assert b"kdorch-no-such-program" in done.stderr

    def test_a_program_that_a_signal_ended_gives_no_status(self, any_host: Host) -> None:
        with pytest.raises(CommandFailed, match="signal"):
            any_host.run(["sh", "-c", "kill -9 $$"], timeout_s=PATIENCE_S)

    def test_a_program_that_does_not_end_in_time_is_unreachable_and_the_host_still_usable(self, any_host: Host) -> None:
        with pytest.raises(HostUnreachable, match="did not end within"):
            any_host.run(["sleep", "600"], timeout_s=0.3)
        assert any_host.run(["echo", "here"], timeout_s=PATIENCE_S).stdout == b"here\n"

    def test_a_program_that_never_stops_writing_is_unreachable_too(self, any_host: Host) -> None:
        with pytest.raises(HostUnreachable):
            any_host.run(["yes"], timeout_s=0.3)

    def test_programs_start_in_the_home_directory_without_a_terminal(self, any_host: Host) -> None:
        done = any_host.run(["sh", "-c", 'test "$(pwd -P)" = "$(cd && pwd -P)" && ! test -t 0 && ! test -t 1'],
                            timeout_s=PATIENCE_S)
        assert done.exit_code == 0, done

    def test_a_channel_carries_lines_both_ways(self, any_host: Host) -> None:
        channel = any_host.open(python(ECHO_LINES))
        for text in (b"one", b"", b"\xc3\xa9 two", b"x" * 100_000):
            channel.send(text + b"\n")
            assert channel.read_line(PATIENCE_S) == text
        channel.close()

    def test_a_channel_carries_bytes_behind_a_line(self, any_host: Host) -> None:
        channel = any_host.open(["cat"])
        body = bytes(range(256)) * 64
        channel.send(b"header\n" + body + b"next\n")
        assert channel.read_line(PATIENCE_S) == b"header"
        assert channel.read_exact(len(body), PATIENCE_S) == body
        assert channel.read_exact(0, PATIENCE_S) == b""
        assert channel.read_line(PATIENCE_S) == b"next"
        channel.close()

    def test_silence_on_a_channel_is_unreachable(self, any_host: Host) -> None:
        channel = any_host.open(["cat"])
        with pytest.raises(HostUnreachable, match=r"no answer for 0\.2 s"):
            channel.read_line(0.2)
        channel.send(b"half a line")
        with pytest.raises(HostUnreachable):
            channel.read_line(0.2)
        channel.close()

    def test_a_reader_that_does_not_read_is_silence_not_a_hang(self, any_host: Host) -> None:
        channel = any_host.open(["sleep", "600"])
        with pytest.raises(HostUnreachable):
            channel.send(b"x" * (64 << 20), timeout_s=0.5)
        channel.close()

    def test_the_end_of_a_program_tells_its_status_and_its_last_words(self, any_host: Host) -> None:
        channel = any_host.open(["sh", "-c", "echo first; echo no such luck >&2; exit 5"])
        assert channel.read_line(PATIENCE_S) == b"first"
        with pytest.raises(ChannelEnded, match="status 5: no such luck") as ended:
            channel.read_line(PATIENCE_S)
        assert ended.value.status == 5
        assert ended.value.stderr.endswith(b"no such luck\n")
        channel.close()

    def test_a_torn_last_line_is_no_line(self, any_host: Host) -> None:
        channel = any_host.open(["printf", "whole\ntorn"])
        assert channel.read_line(PATIENCE_S) == b"whole"
        with pytest.raises(ChannelEnded):
            channel.read_line(PATIENCE_S)
        channel.close()

    def test_errors_written_meanwhile_do_not_block_a_channel(self, any_host: Host) -> None:
        program = "import sys\nsys.stderr.write('e'*(8<<20)); sys.stderr.flush()\n" + ECHO_LINES
        channel = any_host.open(python(program))
        channel.send(b"still there\n")
        assert channel.read_line(PATIENCE_S) == b"still there"
        channel.close()

    def test_closing_a_channel_ends_the_programs_input(self, any_host: Host, tmp_path: Path) -> None:
        mark = tmp_path / "ended"
        channel = any_host.open(["sh", "-c", f"echo up; cat; touch {mark}"])
        assert channel.read_line(PATIENCE_S) == b"up"
        channel.close()
        wait_for(mark.exists, "the program sees the end of its input")
        with pytest.raises(ChannelEnded, match="was closed"):
            channel.read_line(PATIENCE_S)
        channel.close()

    def test_several_channels_are_open_at_once(self, any_host: Host) -> None:
        channels = [any_host.open(["cat"]) for _ in range(5)]
        for i, channel in enumerate(channels):
            channel.send(f"{i}\n".encode())
        assert [c.read_line(PATIENCE_S) for c in reversed(channels)] == [b"4", b"3", b"2", b"1", b"0"]
        for channel in channels:
            channel.close()

    def test_what_was_started_to_stay_stays_when_the_host_is_closed(self, any_host: Host, tmp_path: Path) -> None:
        mark, go = tmp_path / "survived", tmp_path / "go"
        script = f"while ! test -e {go}; do sleep 0.02; done; touch {mark}"
        any_host.run(["sh", "-c", f"setsid -f sh -c '{script}' </dev/null >/dev/null 2>&1"], timeout_s=PATIENCE_S)
        any_host.close()
        go.touch()
        wait_for(mark.exists, "the program that was started to stay is at work")

    def test_closing_twice_is_fine(self, any_host: Host) -> None:
        any_host.open(["cat"])
        any_host.close()
        any_host.close()
