"""The file sink under a runner: exact bytes, once, in safe places, and what happens when somebody interferes."""

import errno
import os
import stat
from pathlib import Path

import pytest

from logbus.batch import Batch, Message
from sinks.file import Settings, open_sink
from sinks.file import sink as file_sink
from sinks.sink import Context, Mark
from support.stages import Stage


def test_appended_bytes_are_exactly_the_sources(stage: Stage) -> None:
    """B4, B9: CRLF, NUL, latin-1, a BOM, UTF-16 and ANSI escapes arrive as they were, and nothing is added."""
    body = b"crlf\r\n\0\0\n\xe9\xff\n" + "\ufeffbom\n".encode() + "utf-16\n".encode("utf-16") + b"\x1b[31m\n\n no end"
    stage.queue.put(stage.batch(body))
    stage.start().step(0.0)
    assert stage.read() == body


def test_a_foreign_body_gets_the_newline_that_it_lacks(stage: Stage) -> None:
    """E29: `Hello World!` from a program that knows nothing of us is a line."""
    stage.queue.put(Message(b"Hello World!"), Message(b"line\n"), Message(b""), Message(b"two\nlines"))
    stage.start().step(0.0)
    assert stage.read() == b"Hello World!\nline\ntwo\nlines\n"


def test_log_text_is_never_evaluated(stage: Stage) -> None:
    """S19: what looks like a template in a line, or in a name, stays text."""
    body = b"${jndi:ldap://x} {0.__class__} %n {host}\n"
    stage.queue.put(stage.batch(body, host="{label}"))
    stage.start("{host}.log").step(0.0)
    assert stage.read("_label_.log") == body


def test_directories_and_files_are_not_for_everybody(stage: Stage) -> None:
    """S16: 0750 and 0640."""
    stage.queue.put(stage.batch(b"x\n"))
    stage.start("logs/{host}/{name}").step(0.0)
    assert stat.S_IMODE((stage.root / "logs" / "web-1").stat().st_mode) == 0o750
    assert stat.S_IMODE((stage.root / "logs" / "web-1" / "app.log").stat().st_mode) == 0o640


def test_a_hostile_host_stays_beneath_the_base(stage: Stage) -> None:
    """S3: `../../etc/cron.d/x` as a host makes a file in the tree, and none outside."""
    stage.queue.put(stage.batch(b"x\n", host="../../etc/cron.d/x", path="/../../../up.log"))
    stage.start("logs/{host}/{path}").step(0.0)
    assert [p.relative_to(stage.root).parts[0] for p in stage.root.rglob("*.log")] == ["logs"]


@pytest.mark.parametrize("place", ["file", "directory"])
def test_a_planted_link_is_not_followed(stage: Stage, place: str) -> None:
    """S4, F6: the batch for it is set aside with the reason, the link's target is untouched, others go on."""
    sentinel = stage.root / "sentinel"
    sentinel.mkdir()
    (sentinel / "app.log").write_bytes(b"mine\n")
    (stage.root / "logs" / "web-1").mkdir(parents=True)
    if place == "file":
        (stage.root / "logs" / "web-1" / "app.log").symlink_to(sentinel / "app.log")
    else:
        (stage.root / "logs" / "web-1").rmdir()
        (stage.root / "logs" / "web-1").symlink_to(sentinel)
    stage.queue.put(stage.batch(b"evil\n"), stage.batch(b"good\n", host="web-2"))
    stage.start("logs/{host}/{name}").step(0.0)
    assert (sentinel / "app.log").read_bytes() == b"mine\n"
    assert (stage.root / "logs" / "web-2" / "app.log").read_bytes() == b"good\n"
    assert len(stage.queue.quarantined) == 1


def test_a_pipe_is_refused_and_nothing_is_lost(stage: Stage) -> None:
    """F6: where every batch goes to one path, a FIFO in its place is waited out: it neither blocks nor loses."""
    os.mkfifo(stage.root / "out.log")
    stage.queue.put(stage.batch(b"x\n"))
    runner = stage.start()
    assert runner.step(0.0) == pytest.approx(0.1)
    assert stage.queue.unacked == 1
    (stage.root / "out.log").unlink()
    runner.step(1.0)
    assert stage.read() == b"x\n"


def test_logrotate_may_rename_the_output(stage: Stage) -> None:
    """F5: after a rename, new lines go to a new file; what RabbitMQ delivers again is still known."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    runner.step(1.0)
    (stage.root / "out.log").rename(stage.root / "out.log.1")
    stage.queue.put(stage.batch(b"one\n"), stage.batch(b"two\n", 4))
    runner.step(2.0)
    runner.step(3.0)
    assert stage.read("out.log.1") == b"one\n"
    assert stage.read() == b"two\n"


def test_an_output_deleted_before_its_commit_is_written_again(stage: Stage) -> None:
    """F5: `rm` between a write and its commit loses nothing: it is not acknowledged until it is in a new file."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    (stage.root / "out.log").unlink()
    runner.step(1.0)
    assert stage.queue.unacked == 1
    runner.step(2.0)
    runner.step(3.0)
    assert stage.read() == b"one\n"
    assert stage.queue.unacked == 0


def test_copytruncate_of_the_output_goes_on(stage: Stage) -> None:
    """F5: after a truncation new lines begin the file, without a hole of NULs, also after a restart."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    runner.step(1.0)
    os.truncate(stage.root / "out.log", 0)
    stage.queue.put(stage.batch(b"two\n", 4))
    stage.start().step(2.0)
    assert stage.read() == b"two\n"


def test_a_crash_after_a_rename_leaves_no_duplicate(stage: Stage) -> None:
    """F5: uncommitted bytes are cut off the renamed file too, before they are written to the new one."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    runner.step(1.0)
    stage.queue.put(stage.batch(b"two\n", 4))
    runner.step(1.1)
    (stage.root / "out.log").rename(stage.root / "out.log.1")
    stage.queue.reconnect()
    stage.start().step(0.0)
    assert stage.read("out.log.1") == b"one\n"
    assert stage.read() == b"two\n"


def test_an_output_that_somebody_replaced_is_not_cut(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """A longer file in an output's place keeps every byte; it is reported, and appended to."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    runner.step(1.0)
    (stage.root / "new").write_bytes(b"somebody else's bytes\n")
    (stage.root / "new").rename(stage.root / "out.log")
    stage.queue.put(stage.batch(b"two\n", 4))
    stage.start().step(0.0)
    assert stage.read() == b"somebody else's bytes\ntwo\n"
    assert "removed or replaced" in caplog.text


def test_an_output_that_shrank_is_kept(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """What somebody cut off is reported with its size, and never cut further."""
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    runner.step(1.0)
    os.truncate(stage.root / "out.log", 1)
    stage.queue.put(stage.batch(b"two\n", 4))
    stage.start().step(0.0)
    assert stage.read() == b"otwo\n"
    assert "by 3 bytes" in caplog.text


def test_many_outputs_need_few_descriptors(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """F14: with more hosts than open files, each file is whole, and an evicted one was synced first."""
    monkeypatch.setattr(file_sink, "open_max", lambda: 128)  # as where the limit of descriptors is low
    runner = stage.start("{host}.log")
    batches = [stage.batch(b"%d %d\n" % (turn, i), turn * 10, host=f"h{i}") for turn in range(3) for i in range(300)]
    stage.queue.put(*batches)
    now = 0.0
    while stage.queue.unacked or now < 1.0:
        now += max(runner.step(now), 0.01)
        assert len(list(Path("/proc/self/fd").iterdir())) < 200
    assert {p.read_bytes() for p in stage.root.glob("h*.log")} == {
        b"0 %d\n1 %d\n2 %d\n" % (i, i, i) for i in range(300)
    }


def test_evicted_outputs_are_cut_back_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """F14: a crash before the commit takes back what was written to files that are closed by now."""
    stage.queue.put(*[stage.batch(b"%d\n" % i, host=f"h{i}") for i in range(20)])
    monkeypatch.setattr(file_sink, "open_max", lambda: 4)  # 128 files say no more than 4
    remembered: dict[str, Mark] = {}
    sink = open_sink(Settings(path=str(stage.root / "{host}")), Context("test", None, remembered.__setitem__))
    for delivery in stage.queue.take():
        sink.write(Batch(delivery.message.body, b"6", host=str(delivery.message.headers["host"])))
    sink.restore(remembered)
    assert {p.stat().st_size for p in stage.root.glob("h*")} == {0}


def test_an_evicted_output_that_was_moved_is_no_duplicate(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """F5, F14: closed for want of descriptors, then moved by logrotate, before what was written to it is committed.

    To begin a new file would forget how far the moved one is committed, and a crash then would leave both with a line.
    """
    monkeypatch.setattr(file_sink, "open_max", lambda: 1)  # one says no less than 128
    runner = stage.start("{host}.log")
    stage.queue.put(stage.batch(b"one\n", host="a"), stage.batch(b"one\n", host="b"))
    runner.step(0.0)
    (stage.root / "a.log").rename(stage.root / "a.log.1")
    stage.queue.put(stage.batch(b"two\n", 4, host="a"))
    runner.step(0.05)
    stage.queue.reconnect()
    runner = stage.start("{host}.log")
    for now in (0.0, 1.0, 2.0):
        runner.step(now)
    assert stage.queue.unacked == 0
    assert stage.read("a.log.1") + stage.read("a.log") == b"one\ntwo\n"


def test_each_life_may_be_a_file_of_its_own(stage: Stage) -> None:
    """`{stream}` in a template: what was rotated and what replaced it are two files, each byte for byte its source."""
    stage.queue.put(stage.batch(b"old, cut short"), stage.batch(b"new\n", stream="f" * 16))
    stage.start("{host}/{path}.{stream}").step(0.0)
    assert stage.read("web-1/var/log/app.log.0123456789abcdef") == b"old, cut short"
    assert stage.read("web-1/var/log/app.log.ffffffffffffffff") == b"new\n"


def test_a_write_that_is_cut_short_is_finished(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """F3: the kernel may take fewer bytes than it was given."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data)[:3]))
    stage.queue.put(stage.batch(b"0123456789\n"))
    stage.start().step(0.0)
    assert stage.read() == b"0123456789\n"


def test_a_full_disk_leaves_no_torn_line(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """F3: ENOSPC in mid-line is cut back at once, said once, and written whole when there is space."""
    write, full = os.write, True

    def scarce(fd: int, data: bytes) -> int:
        if full and len(data) < 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, bytes(data)[:6])

    monkeypatch.setattr(os, "write", scarce)
    runner = stage.start()
    stage.queue.put(stage.batch(b"0123456789\n"))
    runner.step(0.0)
    assert stage.read() == b""
    now = 0.0
    for _ in range(5):
        now += runner.step(now)
    assert stage.queue.paused
    assert caplog.text.count("no space left on device") == 1
    full = False
    runner.step(now)
    runner.step(now + 1)
    assert stage.read() == b"0123456789\n"
    assert stage.queue.unacked == 0


def test_a_sync_that_failed_once_is_not_trusted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """F4: after EIO the file is opened anew, cut back and written again; another fdatasync would prove nothing."""
    sync, failures = os.fdatasync, [True]
    written: list[bytes] = []
    write = os.write

    def noted(fd: int, data: bytes) -> int:
        written.append(bytes(data))
        return write(fd, data)

    monkeypatch.setattr(os, "write", noted)

    def failing(fd: int) -> None:
        if failures:
            failures.pop()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(fd)

    monkeypatch.setattr(os, "fdatasync", failing)
    runner = stage.start()
    stage.queue.put(stage.batch(b"one\n"))
    runner.step(0.0)
    runner.step(0.2)
    assert stage.queue.unacked == 1
    runner.step(1.0)
    runner.step(2.0)
    assert written == [b"one\n", b"one\n"]
    assert stage.read() == b"one\n"
    assert stage.queue.unacked == 0
