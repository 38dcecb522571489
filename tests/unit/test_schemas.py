"""The JSON Schemas of the configuration files: as made, and true to what Logbus accepts."""

import json
import re
from importlib.metadata import EntryPoint
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

import shipper.__main__
import sinks.__main__
from logbus.config import documentation
from logbus.config.settings import parse_document
from logbus.errors import ConfigError, UsageError
from shipper.files.globs import check_inputs
from shipper.settings import Settings
from sinks.settings import plans_of
from sinks.sink import GROUP

ROOT = Path(__file__).parents[2]
COMMANDS = {"shipper": shipper.__main__.main, "sinks": sinks.__main__.cli}
PAGES = [ROOT / "README.md", *sorted({*(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "writing-a-sink.md"})]
"""Without the page whose sink type is not one of ours."""


def validator(program: str) -> jsonschema.Draft202012Validator:
    """Return what checks a file of a program."""
    return jsonschema.Draft202012Validator(json.loads((ROOT / "config" / f"{program}.schema.json").read_text()))


def examples() -> list[tuple[str, str]]:
    """Return every YAML that is a whole file, in config/ and in the documents, with its program."""
    texts = [path.read_text() for path in sorted((ROOT / "config").glob("*.yml"))]
    for page in PAGES:
        texts += re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    programs = {"inputs": "shipper", "sinks": "sinks"}
    return [(programs[key], text) for text in texts for key in programs if re.search(rf"^{key}:", text, re.MULTILINE)]


@pytest.mark.parametrize("program", COMMANDS)
def test_the_schema_in_the_tree_is_the_one_that_is_printed(program: str) -> None:
    """config/*.schema.json is what --schema prints, and a valid schema; if not: `python -m shipper --schema`."""
    printed = CliRunner().invoke(COMMANDS[program], ["--schema"]).stdout
    assert printed == (ROOT / "config" / f"{program}.schema.json").read_text()
    jsonschema.Draft202012Validator.check_schema(json.loads(printed))


@pytest.mark.parametrize("program", COMMANDS)
def test_the_example_names_its_schema(program: str) -> None:
    """An editor that knows YAML's language server checks config/*.yml while one writes."""
    first = (ROOT / "config" / f"{program}.yml").read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={program}.schema.json"


@pytest.mark.parametrize(("program", "text"), examples())
def test_examples_are_valid(program: str, text: str) -> None:
    """Every whole file in config/ and in the documents, with the variables as they are written."""
    validator(program).validate(yaml.safe_load(text))


def test_there_are_examples_of_both() -> None:
    """The search for examples finds some."""
    assert {program for program, _ in examples()} == set(COMMANDS)
    assert len(examples()) > 8


FILE = "sinks: {a: {type: file, path: /x"
UNDERSTOOD = [
    ("shipper", "inputs: [{paths: [a], ignore_older: 7d, max_record_bytes: 64KiB}]"),
    ("shipper", "inputs:\n  - paths: [a]\n    start: ${START}\n    include_compressed: ${ALL:-true}"),
    ("shipper", "inputs: [{paths: [a], rate_limit: {bytes_per_s: 10MB}, multiline: {start: x, flush_s: 500ms}}]"),
    ("shipper", "inputs: [{paths: [a]}]\nbroker:\n  url: ['amqp://a/', 'amqp://b/']\n  heartbeat_s: ${BEAT:-10}"),
    ("sinks", FILE + ", commit_ms: 1s, rotate: {every_s: 1d}, queue: {max_bytes: 10GB, overflow: drop_oldest}}}"),
    ("sinks", "sinks: {a: {type: severity, min: err, write: {type: file, path: /x, compress: zstd}}}"),
]


@pytest.mark.parametrize(("program", "text"), UNDERSTOOD)
def test_what_is_understood_is_valid(program: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Units, variables, lists and nested sinks pass the schema, and Logbus."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("START", "end")
    validator(program).validate(yaml.safe_load(text))
    accept(program, text)


BROKEN = [
    ("shipper", "{}"),
    ("shipper", "inputs: []"),
    ("shipper", "{inputs: [{paths: [a]}], hots: x}"),
    ("shipper", "inputs: [{path: [a]}]"),
    ("shipper", "inputs: [{paths: []}]"),
    ("shipper", "inputs: [{paths: a}]"),
    ("shipper", "inputs: [{paths: [a], start: middle}]"),
    ("shipper", "inputs: [{paths: [a], ignore_older: soon}]"),
    ("shipper", "inputs: [{paths: [a], max_record_bytes: 10}]"),
    ("shipper", "inputs: [{paths: [a], multiline: {preset: cobol}}]"),
    ("shipper", "{inputs: [{paths: [a]}], window: {batches: 0}}"),
    ("shipper", "{inputs: [{paths: [a]}], scan_interval_s: 1MB}"),
    ("shipper", "{inputs: [{paths: [a]}], broker: {url: 5672}}"),
    ("shipper", "{inputs: [{paths: [a]}], host: 1}"),
    ("sinks", "state: x"),
    ("sinks", "sinks: {a: {path: /x}}"),
    ("sinks", "sinks: {a: {type: flie, path: /x}}"),
    ("sinks", "sinks: {a: {type: file}}"),
    ("sinks", "sinks: {A: {type: console}}"),
    ("sinks", "sinks: {dead: {type: console}}"),
    ("sinks", "sinks: {a: {type: console, path: /x}}"),
    ("sinks", FILE + ", commit_ms: 0}}"),
    ("sinks", FILE + ", queue: {type: stream}}}"),
    ("sinks", FILE + ", rotate: {max_bytes: 0}}}"),
    ("sinks", "sinks: {a: {type: severity, min: err}}"),
    ("sinks", "sinks: {a: {type: severity, min: err, write: {type: console, colour: red}}}"),
    ("sinks", "sinks: {a: {type: severity, min: err, write: {type: console, prefetch: 1}}}"),
]


def accept(program: str, text: str) -> None:
    """Read a configuration as Logbus does. Raises UsageError."""
    document = parse_document(text, "x.yml")
    if program == "sinks":
        plans_of(document)
    else:
        check_inputs(document, document.convert(Settings))


@pytest.mark.parametrize(("program", "text"), BROKEN)
def test_what_logbus_refuses_is_invalid(program: str, text: str) -> None:
    """Unknown and missing keys, wrong types and values out of range: the schema refuses them, as Logbus does."""
    with pytest.raises((ConfigError, UsageError)):
        accept(program, text)
    assert list(validator(program).iter_errors(yaml.safe_load(text)))


def test_every_key_of_a_section_is_described() -> None:
    """An editor shows what docs/configuration.md says about a key, without links."""
    defined = validator("shipper").schema["$defs"] | validator("sinks").schema["$defs"]
    for name in ("Input", "Multiline", "Broker", "Queue", "Selection", "Expected", "Window", "file.Rotation"):
        for key, each in defined[name]["properties"].items():
            assert each["description"], (name, key)
            assert "](" not in each["description"]
    assert defined["file.sink"]["properties"]["commit_ms"]["description"] == "the same, after this much time"


def test_a_sink_type_that_cannot_be_imported_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken package of a third party ends --schema with what to do, not with a traceback."""
    broken = EntryPoint("broken", "logbus_no_such_module", GROUP)
    monkeypatch.setattr("sinks.commands.schema.entry_points", lambda **_: [broken])
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [broken])
    result = CliRunner().invoke(COMMANDS["sinks"], ["--schema"])
    assert (result.exit_code, "its package cannot be imported: reinstall it" in result.stderr) == (2, True)


def test_an_installation_without_the_page_has_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without docs/configuration.md, keys have no description, and all else is the same."""
    monkeypatch.setattr(documentation, "PLACES", ())
    documentation.page.cache_clear()
    printed = CliRunner().invoke(COMMANDS["shipper"], ["--schema"]).stdout
    documentation.page.cache_clear()
    assert set(json.loads(printed)["$defs"]) == set(validator("shipper").schema["$defs"])
