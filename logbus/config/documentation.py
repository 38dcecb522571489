"""docs/configuration.md as data: the meaning of each key, for the schemas. In an installation, the page is in here."""

import functools
import re
from pathlib import Path
from typing import Final

NAME: Final = "configuration.md"
PLACES: Final = (Path(__file__).with_name(NAME), Path(__file__).parents[2] / "docs" / NAME)

_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@functools.cache
def page() -> str:
    """Return the page, "" if this installation is without it."""
    return next((place.read_text("utf-8") for place in PLACES if place.is_file()), "")


def section(heading: str) -> str:
    """Return what stands below a heading, up to the next one; "" if there is no such heading."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page(), re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def chapter(heading: str) -> list[str]:
    """Return the heading of a chapter and those of its sections."""
    found = re.search(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", page(), re.DOTALL | re.MULTILINE)
    return re.findall(r"^##+ (.*)$", found[0], re.MULTILINE) if found else []


def meanings(heading: str) -> dict[str, str]:
    """Return the meaning of each key in the table below a heading, without links."""
    rows = [line.strip("|").split(" | ") for line in section(heading).splitlines() if line.startswith("| `")]
    return {key: plain(cells[-1].strip(" |")) for cells in rows for key in re.findall(r"`([^`]+)`", cells[0])}


def plain(text: str) -> str:
    """Return a text of the page without the targets of its links."""
    return _LINK.sub(r"\1", text)
