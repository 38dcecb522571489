"""sinks.yml: what loads, and what is refused with its line."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from logbus.broker.topology import DEAD, NO_DELIVERY_LIMIT, PREFETCH
from logbus.config.settings import parse_document
from logbus.errors import ConfigError, UsageError
from sinks import console, file, severity
from sinks.settings import ad_hoc_plan, load_plan, plans_of
from sinks.wiring import queue_of

if TYPE_CHECKING:
    import msgspec

SHIPPED = Path(__file__).parents[3] / "config" / "sinks.yml"


def test_the_shipped_configuration_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """config/sinks.yml: a console, an archive and an error file, each with its own queue settings and state."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.delenv("LOGBUS_BROKER", raising=False)
    console_plan, archive, errors = (load_plan(SHIPPED, name) for name in ("console", "archive", "errors"))
    assert console_plan.settings == console.Settings()
    assert console_plan.state is None
    assert isinstance(archive.settings, file.Settings)
    assert archive.state == Path("/var/lib/logbus/sinks/archive")
    assert isinstance(errors.settings, severity.Settings)
    assert errors.settings.min == "err"


def test_the_shipped_configuration_shows_every_key() -> None:
    """Each key of each section stands in config/sinks.yml, if only in a comment."""
    from logbus.config.settings import Broker  # noqa: PLC0415 - only here
    from sinks.settings import Common, Queue, Settings  # noqa: PLC0415 - only here

    text = SHIPPED.read_text()
    sections: list[type[msgspec.Struct]] = [
        Broker,
        Settings,
        Common,
        Queue,
        console.Settings,
        file.Settings,
        severity.Settings,
    ]
    assert [key for each in sections for key in each.__struct_fields__ if f"{key}:" not in text] == []


@pytest.mark.parametrize(
    ("yaml", "flaw"),
    [
        ("sinks:\n  a: {type: file, pth: /x}", r":2: .*did you mean 'path'"),
        ("sinks:\n  a: {type: fiel, path: /x}", r":2: .*did you mean file"),
        ("sinks:\n  a: {path: /x}", r":2: .*'type' is missing"),
        ("sinks:\n  a:\n    type: file\n    path: /x/{hots}", r":2: .*did you mean host"),
        ("sinks:\n  a: {type: file, path: /x, prefetch: 0}", r":2: .*prefetch"),
        ("sinks:\n  a: {type: file, path: /x, queue: {type: stream}}", r":2: .*quorum"),
        ("sinks:\n  a: {type: file, path: /x, queue: {overflow: drop_oldest}}", r":2: .*has no limit"),
        ("sinks:\n  a: {type: severity, min: loud, write: {type: console}}", r":2: .*emerg"),
        ("sinks:\n  topic: {type: console}", r":2: .*choose another name"),
        ("sinks:\n  A b: {type: console}", r":2: .*use a-z"),
        ("sink: {}", r":1: .*did you mean 'sinks'"),
        ("sinks:\n  a: {type: console}\nbroker: {url: 'http://x'}", r":3: "),
    ],
)
def test_what_is_wrong_is_named_by_line(yaml: str, flaw: str) -> None:
    """Each mistake is one line: file, line, key, and what was meant."""
    with pytest.raises(ConfigError, match=flaw):
        plans_of(parse_document(yaml, "sinks.yml"))


def test_a_sink_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    """A misspelled NAME gets a suggestion."""
    path = tmp_path / "sinks.yml"
    path.write_text("sinks:\n  archive: {type: file, path: /x}\n")
    with pytest.raises(ConfigError, match="did you mean archive"):
        load_plan(path, "archiv")


def test_a_durable_sink_has_a_queue_that_stays() -> None:
    """F10: a console's queue dies with its connection, a file sink's is durable, replicated and dead-letters."""
    archive, screen = (load_plan(SHIPPED, name) for name in ("archive", "console"))
    assert (queue_of(archive).name, queue_of(archive).type, queue_of(archive).exclusive) == (
        "logs.archive",
        "quorum",
        False,
    )
    assert "x-dead-letter-exchange" in queue_of(archive).arguments
    assert queue_of(screen).exclusive
    assert queue_of(screen).name != queue_of(screen).name, "two consoles do not share one"


def test_a_full_queue_blocks_or_drops() -> None:
    """E11: how to overflow is always said, so that no policy drops silently; what is dropped is no dead letter."""
    yaml = "sinks:\n  a: {type: file, path: /x, queue: {max_batches: 5, expires_s: 60}}\n"
    yaml += "  b: {type: file, path: /y, queue: {type: classic, max_bytes: 9, overflow: drop_oldest}}\n"
    plans = plans_of(parse_document(yaml, "sinks.yml"))
    assert queue_of(plans["a"]).arguments == {
        "x-single-active-consumer": True,
        "x-delivery-limit": NO_DELIVERY_LIMIT,
        "x-overflow": "reject-publish",
        "x-max-length": 5,
        "x-expires": 60_000,
        "x-dead-letter-exchange": DEAD,
    }
    assert queue_of(plans["b"]).arguments == {
        "x-single-active-consumer": True,
        "x-overflow": "drop-head",
        "x-max-length-bytes": 9,
    }


def test_what_a_sink_that_waits_for_its_reader_prefetches_is_bounded_in_bytes_too() -> None:
    """F7: RabbitMQ counts messages, so bytes are counted in the largest batches that there are."""
    yaml = "sinks:\n  a: {type: file, path: /x, prefetch_bytes: 8388608}\n  b: {type: file, path: /y, prefetch: 5}\n"
    plans = plans_of(parse_document(yaml, "sinks.yml"))
    assert [plans[name].common.prefetch_batches(may_wait=True) for name in "ab"] == [4, 5]
    assert [plans[name].common.prefetch_batches(may_wait=False) for name in "ab"] == [PREFETCH, 5]


def test_an_ad_hoc_sink_has_the_name_of_its_queue() -> None:
    """And that name cannot be one of ours."""
    plan = ad_hoc_plan("copy", "file", {"path": "/x"}, "amqp://h/", Path("/state"))
    assert (plan.name, plan.state) == ("copy", Path("/state"))
    with pytest.raises(UsageError):
        ad_hoc_plan("dead", "file", {"path": "/x"}, "amqp://h/")
