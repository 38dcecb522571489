"""docs/troubleshooting.md and the product say the same: no message on the page is stale, and no warning is missing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
VARIABLE = re.compile(r"%(?:\(\w+\))?[-0-9.]*[sdrif]")
NOWHERE = {"...", "......", "...: ......"}
"""Messages that are made elsewhere."""


def modules() -> Iterator[ast.Module]:
    """Yield the modules of the product."""
    for package in ("logbus", "shipper", "sinks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "devbroker" not in path.parts:
                yield ast.parse(path.read_text())


def text(node: ast.AST) -> str | None:
    """Return a text in the source, with `...` for what varies."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return VARIABLE.sub("...", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "..." for each in node.values)
    return None


def texts() -> set[str]:
    """Return all texts in the product."""
    return {found for module in modules() for node in ast.walk(module) if (found := text(node))}


def warnings() -> set[str]:
    """Return the texts that daemons warn with."""
    calls = (
        node
        for module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
        if node.func.attr in {"warning", "error", "critical"} and ast.unparse(node.func.value) == "logger"
    )
    return {found for call in calls if (found := text(call.args[0])) and found not in NOWHERE}


def messages() -> list[str]:
    """Return the messages on the page: the code in the first cells of its tables."""
    cells = re.findall(r"^\| (`.*?) \| ", PAGE, re.MULTILINE)
    return [message for cell in cells for message in re.findall(r"`((?:[^`]|`status`)+)`", cell)]


def says(source: str, message: str) -> bool:
    """Return True if a text in the source is or contains a message of the page, whatever varies."""
    parts = [part for part in re.split(r"\.\.\.", message) if part.strip(" :();")]
    return re.search(".*".join(map(re.escape, parts)), source) is not None if parts else source in {"...;", message}


def test_every_message_on_the_page_is_in_the_product() -> None:
    """What an operator looks for is what a daemon says."""
    present = texts()
    stale = [message for message in messages() if not any(says(source, message) for source in present)]
    assert len(messages()) > 40
    assert not stale


def test_every_warning_is_on_the_page() -> None:
    """Whatever a daemon warns of, the page says what to do about it."""
    known = messages()
    assert sorted(source for source in warnings() if not any(says(source, message) for message in known)) == []
