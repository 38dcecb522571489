"""The rules of the house: who imports whom, what the top level holds, what no file may contain."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("logbus", "shipper", "sinks")
MAY_IMPORT_OURS = {"logbus": {"logbus"}, "shipper": {"shipper", "logbus"}, "sinks": {"sinks", "logbus"}}
KEEPERS = {  # a library, and the only modules that know it
    "pika": {"logbus.amqp", "logbus.declaring", "logbus.connection", "logbus.publisher", "logbus.consumer"},
    "watchdog": {"shipper.watcher"},
    "yaml": {"logbus.settings"},
    "hyperscan": {"logbus.scanning"},
    "stringzilla": {"logbus.newlines"},
}
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
    """Yield the dotted name of whatever a module imports, anywhere in it."""
    for node in ast.walk(tree_of(modules()[name])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name} imports relatively"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def our_imports(name: str) -> set[str]:
    """Return the modules of ours that a module imports."""
    return {imported for imported in imports(name) if imported in modules()} - {name}


def calls(file: Path) -> Iterator[ast.Call]:
    """Yield every call in a file."""
    return (node for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call))


def test_there_is_something_to_check() -> None:
    """All three packages are seen, so that the rules below do not hold for want of modules."""
    assert {name.partition(".")[0] for name in modules()} == set(PACKAGES)


def test_shores_never_import_each_other() -> None:
    """Shipper and sinks import logbus and themselves; logbus imports neither."""
    for name in modules():
        package = name.partition(".")[0]
        ours = {imported.partition(".")[0] for imported in imports(name)} & {*PACKAGES, "benchmarks", "tests"}
        assert ours <= MAY_IMPORT_OURS[package], name


@pytest.mark.parametrize("library", KEEPERS)
def test_each_border_has_its_keepers(library: str) -> None:
    """Libraries that face the outside are known to their modules only."""
    users = {name for name in modules() if library in {i.partition(".")[0] for i in imports(name)}}
    assert users <= KEEPERS[library]


def test_sink_types_know_neither_each_other_nor_the_runner() -> None:
    """A sink type is a leaf: it could be anybody's package."""
    types = {"sinks.console", "sinks.file", "sinks.severity"}
    for name in types & set(modules()):
        assert not our_imports(name) & (types | {"sinks.runner", "logbus.consumer", "logbus.connection"}), name


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
