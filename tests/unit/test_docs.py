"""Documentation that goes stale fails here: keys, defaults, flags, metrics, variables, links, examples."""

import ast
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import click
import msgspec
import pytest

import shipper.__main__
import shipper.expectations
import shipper.records.filters
import shipper.records.multiline
import shipper.records.redaction.presets
import shipper.settings
import sinks.__main__
import sinks.alert.destinations
import sinks.alert.settings
import sinks.console
import sinks.file
import sinks.file.upkeep.rotation
import sinks.settings
import sinks.severity
import sinks.web
from logbus import telemetry
from logbus.command_line.commands import commands_of
from logbus.config.settings import Broker, load, parse, parse_document
from sinks.settings import plans_of

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "shipper.yml": shipper.settings.Settings,
    "inputs": shipper.settings.Input,
    "multiline": shipper.records.rules.Multiline,
    "keep and drop": shipper.records.filters.Selection,
    "rate_limit": shipper.records.filters.RateLimit,
    "redact": shipper.records.redaction.presets.Redact,
    "tests": shipper.expectations.Case,
    "expected records": shipper.expectations.Expected,
    "window": shipper.settings.Window,
    "sinks.yml": sinks.settings.Settings,
    "Keys of every sink": sinks.settings.Common,
    "queue": sinks.settings.Queue,
    "console": sinks.console.Settings,
    "file": sinks.file.Settings,
    "keep": sinks.file.upkeep.retention.Keep,
    "rotate": sinks.file.upkeep.rotation.Rotation,
    "severity": sinks.severity.Settings,
    "alert": sinks.alert.Settings,
    "alert rules": sinks.alert.settings.Rule,
    "alert destinations": sinks.alert.destinations.Destination,
    "webhook": sinks.alert.destinations.Webhook,
    "mail": sinks.alert.destinations.Mail,
    "web": sinks.web.Settings,
    "broker": Broker,
}
RECORDS = ("multiline", "keep and drop", "rate_limit", "redact", "tests", "expected records")
ALERTS = ("alert", "alert rules", "alert destinations", "webhook", "mail")
EXAMPLES = {
    "shipper.yml": ("shipper.yml", "inputs", *RECORDS, "window", "broker"),
    "sinks.yml": (
        *("sinks.yml", "Keys of every sink", "queue", "console", "file", "rotate", "severity", "web"),
        *(*ALERTS, "broker"),
    ),
}


def section(title: str) -> str:
    """Return what stands under a heading of docs/configuration.md, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", CONFIGURATION, re.DOTALL | re.MULTILINE)
    assert found, f"docs/configuration.md has no section {title!r}"
    return found[1]


def table(title: str, heading: str) -> dict[str, list[str]]:
    """Return a section's table whose first column is called `heading`: its first cell -> the others."""
    text = f"{section(title)}\n"
    found = re.search(rf"^\| {heading} \|.*\n\|[-:|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found, f"{title} has no table of {heading}s"
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()]
    return {name: row[1:] for row in rows for name in re.findall(r"`([^`]+)`", row[0])}


def structs(kind: object) -> Iterator[type[msgspec.Struct]]:
    """Yield the structs that an annotation mentions, and those within them."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for each in msgspec.structs.fields(kind):
            yield from structs(each.type)
    for argument in getattr(kind, "__args__", ()):
        yield from structs(argument)


def test_every_struct_of_settings_has_a_section() -> None:
    """What is nested in the settings, and the settings of our own sink types, is documented."""
    types = [
        *(sinks.alert.Settings, sinks.console.Settings, sinks.file.Settings, sinks.severity.Settings),
        sinks.web.Settings,
    ]
    roots = [shipper.settings.Settings, sinks.settings.Settings, sinks.settings.Common, *types]
    assert {each for root in roots for each in structs(root)} == set(SECTIONS.values())


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_is_documented_with_its_default(title: str) -> None:
    """The table of a section has the struct's keys, in its words `required` or the very default."""
    rows = table(title, "key")
    fields = {each.encode_name: each for each in msgspec.structs.fields(SECTIONS[title])}
    assert set(rows) == set(fields)
    for name, each in fields.items():
        kind, default, meaning = rows[name]
        assert kind, name
        assert meaning, name
        assert (default == "required") == each.required, name
        if isinstance(each.default, str | int | float) and each.default != "":
            assert default == f"`{each.default}`", name


def keys_of(document: object) -> Iterator[str]:
    """Yield every key of a configuration, at any depth."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield str(key)
            yield from keys_of(value)
    elif isinstance(document, list):
        for value in document:
            yield from keys_of(value)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_load(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """config/*.yml is accepted as it stands, with no variable set."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    path = ROOT / "config" / name
    if name == "shipper.yml":
        assert load(path, shipper.settings.Settings).inputs
    else:
        assert set(plans_of(parse_document(path.read_text(), name))) >= {"console", "archive", "errors"}


def test_every_example_is_checked() -> None:
    """There are no other files in config/ than these."""
    assert {path.name for path in (ROOT / "config").glob("*.y*ml")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_hold_every_key(name: str) -> None:
    """Every key of the settings is in the example, if only commented out, below words that explain it."""
    lines = (ROOT / "config" / name).read_text().splitlines()
    known = {key for title in EXAMPLES[name] for key in SECTIONS[title].__struct_encode_fields__}
    written: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        if found := re.match(r"\s*(?:- )?(?:# )?(?:- )?([a-z_]+):(?: |$)", line):
            written.setdefault(found[1], []).append(number)
    assert known <= set(written), known - set(written)
    for key in known:
        assert any(_explained(lines, number) for number in written[key]), f"config/{name}: {key} has no comment"


def _explained(lines: list[str], number: int) -> bool:
    """Return True if there are words above a key, with only other keys in between, or right below a section's."""
    above = list(takewhile(str.strip, reversed(lines[:number])))
    below = lines[number + 1 : number + 2] if lines[number].endswith(":") else []
    return any(re.match(r"\s*(?:- )?# (?!(?:- )?[a-z_]+:(?: |$))", line) for line in above + below)


def test_every_metric_is_documented() -> None:
    """The table has each metric under the name that Prometheus sees, with its kind, and no others."""
    names = {f"{name}{'_total' * (kind == 'counter')}": kind for name, (kind, _, _) in telemetry.METRICS.items()}
    assert {name: cells[0] for name, cells in table("Metrics", "metric").items()} == names


def commands() -> dict[str, click.Command]:
    """Return every command, by the words that call it."""
    mains = {"logbus-shipper": shipper.__main__.main, "logbus-sinks": sinks.__main__.cli}
    found: dict[str, click.Command] = {"logbus-shipper": shipper.__main__.main}
    for program, main in mains.items():
        found |= {f"{program} {word}": each for word, each in commands_of(main).items()}
    return found


def flags_of(command: click.Command) -> set[str]:
    """Return the long options of a command."""
    return {opt for each in command.params for opt in each.opts if opt.startswith("--")}


@pytest.mark.parametrize("name", [name for name, each in commands().items() if flags_of(each)])
def test_every_flag_is_documented(name: str) -> None:
    """The section of a command has a table with its flags, and no others."""
    assert set(table(name, "flag")) == flags_of(commands()[name])


def test_every_command_is_documented() -> None:
    """No section is of a command that there is not; those of the group itself are mentioned."""
    assert set(re.findall(r"^### (logbus-.*)$", CONFIGURATION, re.MULTILINE)) == set(commands())
    for each in (param for param in sinks.__main__.cli.params if not getattr(param, "hidden", False)):
        assert f"logbus-sinks {each.opts[0]}" in CONFIGURATION


READ = re.compile(r'''os\.environ(?:\.get\(|\[)"([A-Z_]+)"|"([A-Z_]+)" (?:not )?in os\.environ|envvar="([A-Z_]+)"''')


def variables() -> set[str]:
    """Return the environment variables that our code reads by name."""
    files = [file for package in ("logbus", "shipper", "sinks") for file in (ROOT / package).rglob("*.py")]
    return {"".join(names) for file in files for names in READ.findall(file.read_text())} - {"PATH"}


def test_every_variable_is_documented() -> None:
    """Each environment variable that is read has a row; so have those that the examples use."""
    examples = "".join(re.sub(r"#.*", "", (ROOT / "config" / name).read_text()) for name in EXAMPLES)
    used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", examples))
    assert {"LOGBUS_BROKER", "NO_COLOR"} <= variables()
    assert set(table("Environment", "variable")) == variables() | used


def test_every_exit_code_is_documented() -> None:
    """The codes of the exception tree, and 0."""
    tree = ast.parse((ROOT / "logbus" / "errors.py").read_text())
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AnnAssign)
              if "exit_code" in ast.unparse(node).partition("=")[0]]  # fmt: skip
    codes = {ast.literal_eval(value) for value in values if value}
    rows = re.findall(r"^\| (\d) \|", section("Signals and exit codes"), re.MULTILINE)
    assert {int(code) for code in rows} == {0, *codes}


def drawn() -> set[str]:
    """Return the modules in the picture of the tree in docs/architecture.md, as dotted names."""
    (tree,) = re.findall(
        r"^```\n(logbus/.*?)^```$", (ROOT / "docs/architecture.md").read_text(), re.DOTALL | re.MULTILINE
    )
    package, room, found = "", "", set()
    for line in tree.splitlines():
        words = re.sub(r"\(.*?\)", "", line)
        if head := re.match(r"(\w+)/", words):
            package, room = head[1], ""
        elif head := re.match(r"  (\w+)/ +", words):
            room = f"{head[1]}."
        elif re.match(r"  \w", words):
            room = ""
        found |= {f"{package}.{room}{word.replace('/', '.')}" for word in re.findall(r"\w+(?:/\w+)?", words)}
    return found


def test_every_module_is_in_the_picture() -> None:
    """The tree in docs/architecture.md shows every module in its room."""
    packages = ("logbus", "shipper", "sinks")
    files = [file for package in packages for file in (ROOT / package).rglob("*.py") if not file.stem.startswith("__")]
    assert {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files} <= drawn()


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative links name a file in the tree, and anchors a heading in it."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_the_readmes_configuration_loads() -> None:
    """Its YAML is accepted as it stands, each block by the side that its first line names."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for text in blocks:
        if "shipper.yml" in text.splitlines()[0]:
            assert parse(text, shipper.settings.Settings).inputs
        else:
            assert plans_of(parse_document(text, "sinks.yml"))


def test_every_metric_is_counted_and_named() -> None:
    """What is counted is served, and what is served is counted somewhere."""
    counted = set()
    for package in ("logbus", "shipper", "sinks"):
        for file in (ROOT / package).rglob("*.py"):
            counted |= set(re.findall(r"(?:count|gauge|observe)\(\s*\"(logbus_[a-z_]+)", file.read_text()))
    assert counted == set(telemetry.METRICS)
