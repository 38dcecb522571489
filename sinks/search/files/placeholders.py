"""What an output's path tells: a file sink's template, read backwards."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from sinks.file.template import Template

_VALUES: Final = {
    "path": r".+",
    "date": r"\d{4}-\d\d-\d\d",
    "hour": r"\d\d",
    "stream": r"[0-9a-f]{16}|unknown",
}
_COMPONENT: Final = r"[^/]+"
_ROTATED: Final = r"_?(?:-\d{8}T\d{6}Z(?:\.\d+)?(?:\.gz)?)?"
"""What may be behind the name of an output."""


class Outputs(Struct, frozen=True):
    """Which paths beneath the base are outputs, and the names of the placeholders they tell."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]

    def told(self, path: str) -> Mapping[str, str] | None:
        """Return placeholder -> value for a path relative to the base; None if it is no output."""
        found = self.pattern.fullmatch(path)
        return {name: found[f"p{number}"] for number, name in enumerate(self.names)} if found else None


def outputs_of(template: "Template") -> Outputs:
    """Return the outputs of a template."""
    names = tuple(dict.fromkeys(template.parts[1::2]))
    seen: set[str] = set()
    pattern = "".join(
        _value(part, names, seen) if number % 2 else re.escape(part) for number, part in enumerate(template.parts)
    )
    return Outputs(re.compile(pattern + _ROTATED, re.DOTALL), names)


def _value(name: str, names: tuple[str, ...], seen: set[str]) -> str:
    """Return the pattern of a placeholder's value; the second time, of the same value."""
    group = f"p{names.index(name)}"
    if name in seen:
        return f"(?P={group})"
    seen.add(name)
    lazy = "?" if name not in _VALUES else ""
    return f"(?P<{group}>{_VALUES.get(name, _COMPONENT + lazy)})"


def unfiltered(wanted: Mapping[str, Callable[[str], bool]], told: Mapping[str, str]) -> list[str]:
    """Return the filters about which a path tells nothing."""
    return [name for name in wanted if name not in told]
