"""docs/writing-a-sink.md is run as it stands."""

import json
import re
import sys
import tomllib
import types
from pathlib import Path

import pytest

from logbus.config.settings import parse_document
from sinks.ledger.ledger import Ledger, LedgerUnsaved
from sinks.settings import plans_of
from sinks.sink import GROUP, OWN, Context, Sink, find_type
from support.stages import Stage

PAGE = Path(__file__).parents[3] / "docs" / "writing-a-sink.md"


def block(language: str) -> str:
    """Return the page's code in a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Return the page's module, as if its package were installed."""
    points = tomllib.loads(block("toml"))["project"]["entry-points"]["logbus.sinks"]
    module = types.ModuleType(points["counts"])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block("python"), str(PAGE), "exec"), module.__dict__)  # noqa: S102 - that is what is tested
    point = types.SimpleNamespace(name="counts", load=lambda: module)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == "logbus.sinks" else [])
    return module


def test_the_pages_settings_load(counts: types.ModuleType) -> None:
    """Its sinks.yml names the type, and the type takes its keys."""
    plan = plans_of(parse_document(block("yaml"), "sinks.yml"))["lines"]
    assert plan.settings == counts.Settings(path="/var/lib/logbus/lines.json")
    assert plan.state == Path("/var/lib/logbus/sinks/lines")


def test_the_pages_sink_counts_each_line_once(
    counts: types.ModuleType, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between its commit and the ledger's, redelivery, a restart: each line counts once."""
    path = stage.root / "lines.json"

    def make(context: Context) -> Sink:
        sink: Sink = counts.open_sink(counts.Settings(path=str(path)), context)
        return sink

    def unsaved(*_args: object) -> None:
        raise LedgerUnsaved("use the ledger", "the disk is full")

    runner = stage.start(make_sink=make)
    stage.queue.put(stage.batch(b"1\n2\n"))
    runner.step(0.0)
    runner.step(1.0)
    stage.queue.put(stage.batch(b"3\n", 4), stage.batch(b"1\n", host="web-2"))
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit", unsaved)
        runner.step(2.0)
        runner.step(3.0)
        runner.step(4.0)
    assert json.loads(path.read_text())["lines"] == {"web-1": 3, "web-2": 1}
    stage.queue.reconnect()
    runner = stage.start(make_sink=make)
    runner.step(0.0)
    runner.step(1.0)
    stage.queue.put(stage.batch(b"1\n2\n3\n4\n"))
    runner.step(2.0)
    runner.step(3.0)
    assert json.loads(path.read_text())["lines"] == {"web-1": 4, "web-2": 1}
    assert stage.queue.unacked == 0


def test_our_own_types_are_those_of_the_package() -> None:
    """Those that are found without asking installed packages are our entry points, and their modules."""
    declared = tomllib.loads((PAGE.parent.parent / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]
    assert declared == {name: f"sinks.{name}" for name in OWN}
    for name, module in declared.items():
        assert find_type(name) is sys.modules[module]
