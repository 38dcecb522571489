"""SIGHUP and SIGTERM, as operators use them."""

import os
import signal
from pathlib import Path

import pytest

from support.programs import Program, Start, Until

pytestmark = [pytest.mark.broker, pytest.mark.system]


def text(path: Path) -> str:
    """Return what a file holds, nothing if there is none."""
    return path.read_text() if path.exists() else ""


def configure(path: Path, root: Path, url: str, *names: str) -> None:
    """Write a shipper.yml that ships these files."""
    path.write_text(
        f"broker: {{url: {url}}}\nhost: h\nstate: {root}/registry\ninputs:\n"
        + "".join(f"  - paths: [{root}/{name}]\n" for name in names)
    )


def hang_up(program: Program) -> None:
    """Send SIGHUP."""
    os.kill(program.process.pid, signal.SIGHUP)


def test_a_shipper_reads_its_configuration_again(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until
) -> None:
    """H1: after SIGHUP the new inputs are shipped, the old ones go on where they were; a wrong file changes nothing."""
    config, copies = tmp_path / "shipper.yml", tmp_path / "copies"
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(f"{name} 1\n")
    start("sinks", "file", "--path", copies / "{label}", "--state", copies / "state", url=broker_url)
    configure(config, tmp_path, broker_url, "a.log")
    shipper = start("shipper", "--config", config)
    eventually(lambda: text(copies / "a") == "a.log 1\n")

    config.write_text("inputs: [{pathes: [x]}]\n")
    hang_up(shipper)
    eventually(lambda: "the old settings stay in force" in shipper.said())
    configure(config, tmp_path, broker_url, "a.log", "b.log")
    hang_up(shipper)
    eventually(lambda: text(copies / "b") == "b.log 1\n")
    with (tmp_path / "a.log").open("a") as file:
        file.write("a.log 2\n")
    eventually(lambda: text(copies / "a") == "a.log 1\na.log 2\n")
    assert shipper.terminate() == 0


def test_a_sink_reads_its_configuration_again(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """H1: after SIGHUP a sink writes as the file says now, and nothing of what was written comes again."""
    config, source = tmp_path / "sinks.yml", tmp_path / "app.log"
    source.write_text("1\n")
    plan = "broker: {{url: {url}}}\nstate: {root}/s\nsinks:\n  all: {{type: file, path: {root}/{name}}}\n"
    config.write_text(plan.format(url=broker_url, root=tmp_path, name="one"))
    sink = start("sinks", "--config", config, "all")
    start("shipper", source, url=broker_url)
    eventually(lambda: text(tmp_path / "one") == "1\n")
    config.write_text(plan.format(url=broker_url, root=tmp_path, name="two"))
    hang_up(sink)
    with source.open("a") as file:
        file.write("2\n")
    eventually(lambda: "2\n" in text(tmp_path / "one") + text(tmp_path / "two"))
    with source.open("a") as file:
        file.write("3\n")
    eventually(lambda: text(tmp_path / "two").endswith("3\n"))
    assert text(tmp_path / "one") + text(tmp_path / "two") == "1\n2\n3\n"
    assert sink.terminate() == 0


@pytest.mark.parametrize("broken", ["inputs: [", "", None], ids=["invalid", "empty", "gone"])
def test_what_was_checked_is_what_is_used(
    start: Start, broker_url: str, tmp_path: Path, eventually: Until, broken: str | None
) -> None:
    """A file that is spoilt right after it was checked spoils nothing: the checked settings are in force."""
    config, copies = tmp_path / "shipper.yml", tmp_path / "copies"
    (tmp_path / "b.log").write_text("b 1\n")
    start("sinks", "file", "--path", copies / "{label}", "--state", copies / "state", url=broker_url)
    configure(config, tmp_path, broker_url, "a.log")
    shipper = start("shipper", "-v", "--config", config)
    eventually(lambda: "connected" in shipper.said())
    configure(config, tmp_path, broker_url, "a.log", "b.log")
    hang_up(shipper)
    eventually(lambda: "the configuration is valid" in shipper.said())
    if broken is None:
        config.unlink()
    else:
        config.write_text(broken)
    eventually(lambda: text(copies / "b") == "b 1\n")
    assert f"reloaded {config}" in shipper.said()
    assert shipper.terminate() == 0


def test_the_last_of_several_reloads_counts(start: Start, broker_url: str, tmp_path: Path, eventually: Until) -> None:
    """A reload asked for while another one is under way is not lost: the file's last valid content is in force."""
    config, copies = tmp_path / "shipper.yml", tmp_path / "copies"
    names = [f"{number}.log" for number in range(8)]
    for name in names:
        (tmp_path / name).write_text(f"{name}\n")
    start("sinks", "file", "--path", copies / "{label}", "--state", copies / "state", url=broker_url)
    configure(config, tmp_path, broker_url, "none.log")
    shipper = start("shipper", "-v", "--config", config)
    eventually(lambda: "connected" in shipper.said())
    for count in range(1, len(names) + 1):
        configure(tmp_path / "new.yml", tmp_path, broker_url, *names[:count])
        (tmp_path / "new.yml").rename(config)
        hang_up(shipper)
    eventually(lambda: text(copies / "7") == "7.log\n")
    assert shipper.terminate() == 0


def test_once_that_is_stopped_has_failed(start: Start, tmp_path: Path, eventually: Until) -> None:
    """`--once` ends with 0 only when everything is confirmed: stopped before that, it ends with 1."""
    source = tmp_path / "app.log"
    source.write_text("1\n")
    shipper = start("shipper", "--once", source, url="amqp://127.0.0.1:1/")
    eventually(lambda: "retrying" in shipper.said())
    assert shipper.terminate() == 1
