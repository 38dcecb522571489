"""The severity sink: what it asks RabbitMQ for, and what it hands on."""

import json
from collections.abc import Callable

import msgspec
import pytest
from msgspec.structs import replace

from logbus.batch import Batch, Lengths, Message, select
from logbus.errors import UsageError
from sinks.console.json_lines import as_json
from sinks.severity import Settings, SeveritySink, bindings, durable, open_sink
from sinks.sink import Context, Sink
from sinks.where import Where
from support import nothing
from support.stages import Stage

WRITE: dict[str, object] = {"type": "file", "path": "/srv/errors.log"}


def to_file(stage: Stage, **settings: object) -> Callable[[Context], Sink]:
    """Return what makes a severity sink that writes errors.log."""
    write: dict[str, object] = {"type": "file", "path": str(stage.root / "errors.log")}
    return lambda context: open_sink(msgspec.convert({"write": write, **settings}, Settings), context)


def test_exactly_the_wanted_records_of_a_mixed_batch_are_written(stage: Stage) -> None:
    """F12: one error among 999 infos is one line in the file, and all of the batch counts as written."""
    lines = [b"line %d\n" % i for i in range(1000)]
    levels = bytearray(b"6" * 1000)
    levels[500] = ord("3")
    body = b"".join(lines)
    runner = stage.start(make_sink=to_file(stage, min="err"))
    stage.queue.put(stage.batch(body, levels=bytes(levels)), stage.batch(body, levels=bytes(levels)))
    runner.step(0.0)
    runner.step(1.0)
    assert stage.read("errors.log") == b"line 500\n"
    assert stage.queue.unacked == 0


def test_it_is_as_durable_as_the_inner_sink(stage: Stage) -> None:
    """G2: after a crash before the commit nothing is there twice, and nothing is missing."""
    stage.start(make_sink=to_file(stage, min="err"))
    batch = stage.batch(b"bad\nfine\n", levels=b"36")
    stage.queue.put(batch)
    stage.start(make_sink=to_file(stage, min="err")).step(0.0)
    stage.queue.reconnect()
    runner = stage.start(make_sink=to_file(stage, min="err"))
    runner.step(0.0)
    runner.step(1.0)
    assert stage.read("errors.log") == b"bad\n"


def test_batches_wanted_as_a_whole_or_not_at_all_are_not_taken_apart() -> None:
    """Neither costs anything a record."""
    seen: list[Batch] = []

    class Inner:
        write = staticmethod(seen.append)
        commit = close = staticmethod(nothing)

    sink = SeveritySink(Inner(), b"0123")
    whole = Batch(b"a\nb\n", b"33")
    sink.write(whole)
    sink.write(Batch(b"a\nb\n", b"67"))
    sink.write(Batch(b"", b""))
    assert [batch for batch in seen if batch.body] == [whole]
    assert seen[0] is whole


def test_what_is_left_keeps_its_offsets(stage: Stage) -> None:
    """A console behind it says where in the source each record was, joined lines and redacted ones included."""
    batch = stage.batch(b"a\nbb\nccc\n", 10, levels=b"363")
    kept = select(batch, b"\1\0\1")
    assert kept.body == b"a\nccc\n"
    assert [json.loads(line)["offset"] for line in as_json(kept).splitlines()] == [10, 15]
    odd = stage.batch(b"a\n  b\n***\n", 0, levels=b"36", end=30, lengths=Lengths.of(((6, 6), (4, 24))))
    assert select(odd, b"\0\1").body == b"***\n"


def test_its_bindings_name_each_severity() -> None:
    """The broker discards batches in which nothing is wanted; the empty key catches foreign messages."""
    assert bindings(Settings(write=WRITE, min="crit")) == ("", "*.*.#.emerg.#", "*.*.#.alert.#", "*.*.#.crit.#")
    assert bindings(Settings(write=WRITE, severities=["debug", "err"])) == ("", "*.*.#.err.#", "*.*.#.debug.#")
    assert bindings(Settings(write=WRITE, min="emerg", host="web.1", label="app")) == ("web_1.app.#.emerg.#",)

    assert bindings(Settings(write=WRITE, where={"a": "b"})) == ("#",)
    assert bindings(Settings(write=WRITE, where={"a": "b"}, label="app")) == ("*.app.#",)


def written(batch: Batch, **settings: object) -> list[bytes]:
    """Return the bodies that a severity sink hands on of a batch."""
    seen: list[Batch] = []

    class Inner:
        write = staticmethod(seen.append)
        commit = close = staticmethod(nothing)

    told = msgspec.convert({"write": WRITE, **settings}, Settings)
    sink = SeveritySink(Inner(), b"0123" if told.min else b"01234567", Where(told.where))
    sink.write(batch)
    return [each.body for each in seen]


def test_where_selects_by_field() -> None:
    """Among the severities that are wanted; a batch of which all match is handed on as it is."""
    batch = Batch(b'{"service":"shop"}\nservice=shop a=1\nservice=x a=1\nnothing\n', b"3633")
    assert written(batch, min="err", where={"service": "s*"}) == [b'{"service":"shop"}\n']
    assert written(batch, where={"service": "s*"}) == [b'{"service":"shop"}\nservice=shop a=1\n']
    assert written(batch, where={"service": "none"}) == []


def test_where_knows_the_operators_labels() -> None:
    """`fields.NAME` is a label if the batch has it, or else a field of records."""
    body = b'{"fields":{"team":"b"}}\n{"fields":{"team":"a"}}\n'
    labelled = Batch(body, b"66", fields={"team": "a"})
    assert written(labelled, where={"fields.team": "a"}) == [body]
    assert written(labelled, where={"fields.team": "b"}) == []
    assert written(Batch(body, b"66"), where={"fields.team": "b"}) == [body[:24]]


def test_foreign_messages_are_judged_by_what_they_say(stage: Stage) -> None:
    """E29: a message from a program that knows nothing of us is classified here."""
    runner = stage.start(make_sink=to_file(stage, min="err"))
    stage.queue.put(Message(b"ERROR it broke"), Message(b"INFO fine"), Message(b"Hello World!"))
    runner.step(0.0)
    assert stage.read("errors.log") == b"ERROR it broke\n"


def test_durable_is_what_the_inner_sink_is() -> None:
    """A file remembers, a console does not."""
    assert durable(Settings(write=WRITE, min="err"))
    assert not durable(Settings(write={"type": "console"}, min="err"))


@pytest.mark.parametrize(
    ("settings", "flaw"),
    [
        ({}, "either min or severities"),
        ({"min": "err", "severities": ["err"]}, "either min or severities"),
        ({"min": "loud"}, "emerg"),
        ({"where": {"a": "[b-a]"}}, "use the glob"),
        ({"min": "err", "write": {"path": "/x"}}, "type"),
        ({"min": "err", "write": {"type": "fil"}}, "did you mean file"),
        ({"min": "err", "write": {"type": "file", "pth": "/x"}}, "did you mean 'path'"),
        ({"min": "err", "write": {"type": "file", "path": "/{x}"}}, "no placeholder"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], flaw: str) -> None:
    """Each in one line that says what to do."""
    with pytest.raises(UsageError, match=flaw):
        replace(Settings(write=WRITE, min="err"), **({"min": None, "severities": None} | settings))
