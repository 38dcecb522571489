"""`logbus-sinks search` as a process: exit codes, terminals, interrupts, readers that go away, unreadable files."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from logbus.wire import frames
from support import wait_until

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "TZ": "UTC", "PYTHONPATH": str(ROOT)}
LINE = b"2026-11-24 10:00:00,000 ERROR [main] App - needle \x1b[2J\xe2\x80\xae end\n"
HAY = b"2026-11-24 10:00:00,000 INFO [main] App - hay\n"
NOT_ROOT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""Takes from root what ordinary users lack."""


def command(*words: object) -> list[str]:
    """Return the command line of a search."""
    return [sys.executable, "-m", "sinks", "search", *map(str, words)]


def search(*words: object) -> "subprocess.CompletedProcess[bytes]":
    """Run a search to its end."""
    return subprocess.run(command(*words), env=ENVIRONMENT, capture_output=True, check=False)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a directory with a log."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.log").write_bytes(HAY * 10 + LINE)
    return folder


@pytest.fixture
def large(logs: Path) -> Path:
    """Return a directory with a log whose only needle is at its beginning."""
    frame = frames.compress(HAY * 40_000, 1)
    (logs / "b.log.zst").write_bytes(frames.compress(LINE, 1) + frame * 12_000)
    return logs


def test_exit_codes_are_those_of_grep(logs: Path) -> None:
    """0 for a hit, 1 for none, 2 for an error."""
    assert search("needle", "--path", logs).returncode == 0
    assert search("missing", "--path", logs).returncode == 1
    wrong = (["(", "--path", logs], ["x", "--path", logs / "missing"], ["x"], ["--since", "soon", "--path", logs])
    assert [search(*words).returncode for words in wrong] == [2, 2, 2, 2]


def test_what_is_shown_is_inert(logs: Path) -> None:
    """No control character of a record or of a file's name gets through, also as JSON."""
    (logs / "\x1b[31m\n.log").write_bytes(LINE)
    for words in ((), ("--json",), ("--count-by", "file")):
        ran = search("needle", "--path", logs, *words)
        assert b"\x1b" not in ran.stdout + ran.stderr
        assert "\u202e".encode() not in ran.stdout


def test_a_file_that_cannot_be_read_makes_the_answer_incomplete(logs: Path) -> None:
    """It is named, the rest is found, and the exit code is 2."""
    (logs / "secret.log").write_bytes(LINE)
    (logs / "secret.log").chmod(0)
    (logs / "broken.gz").write_bytes(b"\x1f\x8b\x08 not gzip at all")
    ran = subprocess.run(
        [*NOT_ROOT, *command("needle", "--path", logs)], env=ENVIRONMENT, capture_output=True, check=False
    )
    assert ran.returncode == 2, ran.stderr
    assert ran.stdout.count(b"needle") == 1
    assert b"secret.log: permission denied" in ran.stderr
    assert b"broken.gz" in ran.stderr
    assert b"incomplete" in ran.stderr


def test_a_frame_that_is_being_written_is_no_damage(logs: Path) -> None:
    """The whole frames are searched, and that is said."""
    frame = frames.compress(LINE * 9, 1)
    (logs / "b.zst").write_bytes(frame + frame[:-3])
    ran = search("needle", "--path", logs / "b.zst", "--count")
    assert (ran.returncode, ran.stdout) == (0, b"9\n")
    assert b"read up to its last whole frame" in ran.stderr


def test_a_reader_that_goes_away_ends_it_quietly(large: Path) -> None:
    """As with `| head -1`, even if nothing more would be found."""
    with subprocess.Popen(
        command("needle", "--path", large), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ran:
        assert ran.stdout
        assert ran.stderr
        assert b"needle" in ran.stdout.readline()
        ran.stdout.close()
        began = time.monotonic()
        said = ran.stderr.read()
        assert ran.wait() == 0, said
        assert time.monotonic() - began < 5
        assert said == b""


def test_an_interrupt_shows_what_was_found_so_far(large: Path, tmp_path: Path) -> None:
    """It says that the answer is partial, and exits with 2."""
    with (
        (tmp_path / "out").open("wb") as out,
        subprocess.Popen(
            command("needle", "--path", large), env=ENVIRONMENT, stdout=out, stderr=subprocess.PIPE
        ) as ran,
    ):
        wait_until(lambda: (tmp_path / "out").stat().st_size > 0, 30)
        ran.send_signal(signal.SIGINT)
        _, said = ran.communicate(timeout=30)
    assert ran.returncode == 2
    assert b"partial" in said
    assert (tmp_path / "out").read_bytes().count(b"needle") == 2


def test_a_terminal_gets_colours_and_a_bar(large: Path) -> None:
    """Matches are highlighted, and a bar says how far it is until it is erased."""
    ours, theirs = pty.openpty()
    ran = subprocess.Popen(command("needle", "--path", large), env=ENVIRONMENT, stdout=theirs, stderr=theirs)
    shown = bytearray()
    try:
        while b"] " not in shown.rpartition(b"hits")[0] or b"\x1b[1;7mneedle\x1b[0m" not in shown:
            shown += os.read(ours, 65536)
    finally:
        ran.send_signal(signal.SIGINT)
        os.close(theirs)
        ran.wait(30)
        os.close(ours)
    assert b"\x1b[2J" not in shown
    assert b"% of " in shown


def test_memory_is_bounded_whatever_is_found(large: Path) -> None:
    """All records of many files at once take less than 150 MB."""
    body = b"".join(b"2026-11-24 10:%02d:%02d INFO %b\n" % (n // 60 % 60, n % 60, b"x" * 200) for n in range(3_600))
    for number in range(60):
        (large / f"{number}.log").write_bytes(body)
    (large / "b.log.zst").unlink()
    measured = "import resource,subprocess,sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
    measured += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    ran = subprocess.run(
        [sys.executable, "-c", measured, *command("--path", large)], env=ENVIRONMENT, capture_output=True, check=True
    )
    assert int(ran.stdout) < 150_000


def test_follow_goes_on_with_what_comes(logs: Path, tmp_path: Path) -> None:
    """What is there, then what is added: to files, to their successors, to new and to compressed ones, each once."""
    with (
        (tmp_path / "out").open("wb") as out,
        subprocess.Popen(
            command("needle", "--path", logs, "--raw", "--follow"), env=ENVIRONMENT, stdout=out, stderr=subprocess.PIPE
        ) as ran,
    ):
        shown = (tmp_path / "out").read_bytes
        wait_until(lambda: shown().count(b"\n") == 1, 30)
        with (logs / "a.log").open("ab") as file:
            file.write(HAY + b"a needle, added\n" + b"not a whole ")
        wait_until(lambda: b"added" in shown(), 30)
        (logs / "a.log").rename(logs / "a.log.1")
        with (logs / "a.log.1").open("ab") as file:
            file.write(b"line with a needle\n")
        (logs / "a.log").write_bytes(b"a needle in a new file\n")
        (logs / "c.log.zst").write_bytes(frames.compress(b"a needle in a frame\n", 1))
        wait_until(lambda: shown().count(b"\n") == 5, 30)
        with (logs / "c.log.zst").open("ab") as file:
            frame = frames.compress(b"a needle in another frame\n", 1)
            file.write(frame[:10])
            file.flush()
            file.write(frame[10:])
        wait_until(lambda: shown().count(b"\n") == 6, 30)
        ran.send_signal(signal.SIGINT)
        _, said = ran.communicate(timeout=30)
    assert ran.returncode == 0, said
    assert sorted(shown().splitlines()[1:]) == [
        b"a needle in a frame",
        b"a needle in a new file",
        b"a needle in another frame",
        b"a needle, added",
        b"not a whole line with a needle",
    ]
    assert b"partial" not in said


@pytest.mark.parametrize("_turn", range(4))
def test_follow_ends_with_a_signal_at_any_moment(logs: Path, _turn: int) -> None:
    """Also between what is there and what comes: it says what it looked into, and ends like the rest."""
    what = command("needle", "--path", logs, "--raw", "--follow")
    with subprocess.Popen(what, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ran:
        assert ran.stdout
        assert b"needle" in ran.stdout.readline()
        ran.send_signal(signal.SIGINT)
        _, said = ran.communicate(timeout=30)
    assert ran.returncode in {0, 2}
    assert b"looked into" in said


def test_follow_ends_with_its_limit(logs: Path) -> None:
    """Also where all of it is there from the beginning."""
    assert search("needle", "--path", logs, "--follow", "--limit", "1").returncode == 0
    assert search("needle", "--path", logs, "--follow", "--reverse").returncode == 2
