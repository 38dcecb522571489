"""The rules of the house: who imports whom, what the top level holds, what no file may contain."""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("logbus", "shipper", "sinks")
KEEPERS = {  # a library, and the only rooms that know it
    "pika": {"logbus.broker"},
    "watchdog": {"shipper.files"},
    "yaml": {"logbus.config"},
    "stringzilla": {"logbus.native"},
    "starlette": {"sinks.web"},
    "uvicorn": {"sinks.web"},
}
SHARED = {"logbus.errors", "logbus.telemetry", "logbus.seldom", "logbus.native", "logbus.output_mark"}
FOUND = {"shipper.records", "shipper.state", "shipper.settings", "shipper.files", "shipper.expectations"}
MAY_IMPORT = {  # a room -> the rooms that it may import, besides itself; a shipper's or a sink's room: all of logbus
    "logbus.errors": set(),
    "logbus.decoding": set(),
    "logbus.native": set(),
    "logbus.output_mark": set(),
    "logbus.backoff": set(),
    "logbus.inode": set(),
    "logbus.state_file": {"logbus.errors"},
    "logbus.handover": set(),
    "logbus.seldom": {"logbus.errors"},
    "logbus.early": {"logbus.errors"},
    "logbus.telemetry": {"logbus.errors", "logbus.native"},
    "logbus.wire": {"logbus.errors", "logbus.native"},
    "logbus.severity": {"logbus.errors", "logbus.native"},
    "logbus.eventtime": {"logbus.errors", "logbus.native", "logbus.severity"},
    "logbus.fields": {"logbus.config", "logbus.decoding", "logbus.severity"},
    "logbus.traces": {"logbus.native", "logbus.severity", "logbus.wire"},
    "logbus.batch": {"logbus.errors", "logbus.wire", "logbus.severity"},
    "logbus.config": {"logbus.errors", "logbus.handover"},
    "logbus.broker": SHARED | {"logbus.backoff", "logbus.config", "logbus.handover", "logbus.wire", "logbus.batch"},
    "logbus.fleet": {"logbus.broker", "logbus.decoding", "logbus.errors", "logbus.wire"},
    "logbus.control": {
        *("logbus.broker", "logbus.command_line", "logbus.errors", "logbus.fleet", "logbus.wire"),
    },
    "logbus.command_line": {"logbus.errors", "logbus.config"},
    "logbus.doctor": SHARED | {"logbus.config", "logbus.broker", "logbus.command_line"},
    "logbus.signals": {"logbus.command_line"},
    "logbus.daemon": SHARED | {"logbus.config", "logbus.handover", "logbus.command_line", "logbus.signals"},
    "logbus.devbroker": {"logbus.errors", "logbus.daemon", "logbus.command_line"},
    "shipper.records": set(),
    "shipper.state": set(),
    "shipper.expectations": set(),
    "shipper.path_fields": set(),
    "shipper.settings": {"shipper.records", "shipper.expectations", "shipper.path_fields"},
    "shipper.key_files": {"shipper.settings"},
    "shipper.files": {"shipper.settings"},
    "shipper.lives": FOUND,
    "shipper.steps": FOUND | {"shipper.lives"},
    "shipper.commands": FOUND | {"shipper.lives"},
    "shipper.control": {"shipper.files", "shipper.lives", "shipper.settings"},
    "shipper.agent": FOUND | {"shipper.lives", "shipper.steps"},
    "shipper.own_status": {"shipper.lives", "shipper.settings", "shipper.steps"},
    "shipper.progress_line": {"shipper.agent"},
    "shipper.__main__": FOUND
    | {"shipper.agent", "shipper.control", "shipper.key_files", "shipper.own_status", "shipper.progress_line"},
    "sinks.printable": set(),
    "sinks.sink": set(),
    "sinks.texts": {"sinks.printable"},
    "sinks.ledger": {"sinks.sink"},
    "sinks.index": {"sinks.sink"},
    "sinks.parsed": set(),
    "sinks.objects": {"sinks.event_times", "sinks.parsed", "sinks.printable", "sinks.texts"},
    "sinks.where": set(),
    "sinks.readers": set(),
    "sinks.console": {
        *(
            "sinks.event_times",
            "sinks.objects",
            "sinks.parsed",
            "sinks.printable",
            "sinks.readers",
            "sinks.sink",
            "sinks.where",
        ),
    },
    "sinks.severity": {"sinks.sink", "sinks.where"},
    "sinks.alert": {"sinks.printable", "sinks.sink", "sinks.where"},
    "sinks.event_times": set(),
    "sinks.file": {
        *("sinks.event_times", "sinks.index", "sinks.objects", "sinks.parsed", "sinks.printable", "sinks.sink"),
    },
    "sinks.delivery": {"sinks.sink", "sinks.ledger"},
    "sinks.overlap": {"sinks.file", "sinks.sink"},
    "sinks.settings": {"sinks.sink", "sinks.overlap", "sinks.delivery"},
    "sinks.fleet": {"sinks.delivery", "sinks.settings"},
    "sinks.web": {
        *("sinks.archives", "sinks.commands", "sinks.event_times", "sinks.fleet", "sinks.objects", "sinks.printable"),
        *("sinks.search", "sinks.settings", "sinks.sink", "sinks.where", "sinks.wiring"),
    },
    "sinks.wiring": {"sinks.sink", "sinks.settings", "sinks.ledger", "sinks.delivery", "sinks.fleet"},
    "sinks.archives": {"sinks.file", "sinks.settings", "sinks.severity", "sinks.sink"},
    "sinks.search": {
        *("sinks.event_times", "sinks.file", "sinks.index", "sinks.printable", "sinks.readers", "sinks.sink"),
    },
    "sinks.settling": {"sinks.file", "sinks.index", "sinks.ledger", "sinks.search"},
    "sinks.export": {"sinks.commands", "sinks.event_times", "sinks.search"},
    "sinks.commands": {
        *("sinks.sink", "sinks.settings", "sinks.wiring", "sinks.ledger"),
        *("sinks.file", "sinks.delivery", "sinks.printable", "sinks.search", "sinks.severity"),
        *("sinks.console", "sinks.where", "sinks.archives", "sinks.settling", "sinks.index", "sinks.alert"),
    },
    "sinks.__main__": {"sinks.sink", "sinks.settings", "sinks.wiring", "sinks.file", "sinks.commands"},
}
MODULES_MAX = 14
"""In one folder; more cannot be taken in at a glance."""
TOP_LEVEL = {
    *("pyproject.toml", "shipper", "sinks", "config", "tests", "docker-compose.yml", "README.md"),
    *("logbus", "docs", "benchmarks", "Makefile", "CHANGELOG.md", "LICENSE"),
}
# The brackets keep these lines from matching themselves.
UNFINISHED = re.compile(r"\b(?:[T]ODO|[F]IXME)\b|[N]otImplementedError")
SOMEONES_FOLDER = re.compile(r"(?<![\w.:])/(?:[w]ork|[h]ome/\w+|[r]oot|[U]sers)/\w")


@cache
def project_files() -> tuple[Path, ...]:
    """Return what git knows or would take, relative to the top level."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return tuple(Path(name) for name in names if name and (ROOT / name).is_file())


@cache
def tree_of(file: Path) -> ast.Module:
    """Return a Python file's syntax tree."""
    return ast.parse((ROOT / file).read_bytes(), str(file))


@cache
def modules() -> dict[str, Path]:
    """Return dotted name -> file of every module that is shipped."""
    files = [file for file in project_files() if file.suffix == ".py" and file.parts[0] in PACKAGES]
    return {".".join(file.with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def imports(name: str) -> Iterator[str]:
    """Yield the dotted name of every module that a module imports, anywhere in it."""
    for node in ast.walk(tree_of(modules()[name])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} imports relatively"
            assert node.module
            names = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            yield from {found if found in modules() else node.module for found in names.values()}


def our_imports(name: str) -> set[str]:
    """Return the modules of ours that a module imports."""
    return {imported for imported in imports(name) if imported in modules()} - {name}


def calls(file: Path) -> Iterator[ast.Call]:
    """Yield every call in a file."""
    return (node for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call))


def test_there_is_something_to_check() -> None:
    """All three packages are seen, so that the rules below do not hold for want of modules."""
    assert {name.partition(".")[0] for name in modules()} == set(PACKAGES)


def room_of(name: str) -> str:
    """Return the room of a module: a folder of a package, or a module right in it."""
    return ".".join(name.split(".")[:2])


def test_the_table_names_every_room() -> None:
    """A room that is not in the table would be held to no rule."""
    assert set(MAY_IMPORT) == {room_of(name) for name in modules() if "." in name}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_what_is_below_it(room: str) -> None:
    """Each room imports what the table says; shipper and sinks never each other, logbus neither of them."""
    may = MAY_IMPORT[room] | {room, room.partition(".")[0]}
    for name in (name for name in modules() if room_of(name) == room):
        ours = {room_of(each) for each in our_imports(name) if each.partition(".")[0] in PACKAGES}
        foreign = {each for each in ours - may if room.startswith("logbus") or not each.startswith("logbus")}
        assert not foreign, f"{name} imports {sorted(foreign)}"


def test_nothing_imports_the_tests() -> None:
    """What is shipped stands alone."""
    for name in modules():
        assert not {each.partition(".")[0] for each in imports(name)} & {"benchmarks", "tests", "support"}, name


def test_no_folder_holds_too_much() -> None:
    """A folder holds at most MODULES_MAX modules."""
    counts = Counter(file.parent for file in modules().values() if file.name != "__init__.py")
    assert not {folder: count for folder, count in counts.items() if count > MODULES_MAX}


@pytest.mark.parametrize("library", KEEPERS)
def test_each_border_has_its_keepers(library: str) -> None:
    """Libraries that face the outside are known to their rooms only."""
    users = {room_of(name) for name in modules() if library in {i.partition(".")[0] for i in imports(name)}}
    assert users <= KEEPERS[library]


def test_sink_types_know_neither_each_other_nor_the_runner() -> None:
    """A sink type is a leaf: it could be anybody's package."""
    types = {"sinks.alert", "sinks.console", "sinks.file", "sinks.severity"}
    for name in (name for name in modules() if room_of(name) in types):
        known = {room_of(each) for each in our_imports(name)} - {room_of(name)}
        assert not known & (types | {"sinks.delivery", "logbus.broker"}), name


def test_no_import_circle() -> None:
    """Modules can be put in an order in which each imports only earlier ones."""
    waiting = {name: our_imports(name) for name in modules()}
    while free := [name for name, needs in waiting.items() if not needs & set(waiting)]:
        for name in free:
            del waiting[name]
    assert not waiting


def test_top_level_holds_nothing_else() -> None:
    """The customer's entries, the agreed ones, and dotfiles."""
    assert {name for file in project_files() if not (name := file.parts[0]).startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("file", [*modules().values()], ids=str)
def test_nothing_turns_data_into_code(file: Path) -> None:
    """S26: no pickle, marshal or shelve, no eval or exec, no yaml.load, no shell."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert not names & {"pickle", "marshal", "shelve", "dill", "jsonpickle"}
    for call in calls(file):
        assert ast.unparse(call.func) not in {"eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"}
        assert not any(word.arg == "shell" and ast.unparse(word.value) != "False" for word in call.keywords)


def test_nothing_unfinished_and_nobodys_folder() -> None:
    """No reminder is left in the tree, and no path of the machine it was written on."""
    for file in project_files():
        if file.parts[0] == "LICENSE" or file.suffix == ".json":
            continue
        text = (ROOT / file).read_bytes().decode(errors="replace")
        assert not UNFINISHED.search(text), file
        assert not SOMEONES_FOLDER.search(text), file


def test_license_is_apache_2() -> None:
    """The licence that pyproject.toml names is there in full."""
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability." in text
