"""How a flaw of a configuration is told: file, line, key, and what is wrong."""

from msgspec import Struct

from logbus.errors import ConfigError

CANNOT = "load the configuration"
MAX_FLAW_LENGTH = 500

Keys = tuple[str | int, ...]
"""Where a value is: the keys and numbers on the way to it."""


class Place(Struct, frozen=True):
    """The line of a value, and its text there: with the names of variables, not their content."""

    line: int
    written: str | None = None


def flaw_at(source: str, line: int, flaw: str, keys: Keys = ()) -> str:
    """Return `source:line: key: flaw`, of bounded length."""
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")
    path, flaw = (text if len(text) <= MAX_FLAW_LENGTH else f"{text[:MAX_FLAW_LENGTH]}..." for text in (path, flaw))
    return f"{source}:{line}: {path}: {flaw}" if path else f"{source}:{line}: {flaw}"


def error_at(source: str, line: int, flaw: str, keys: Keys = ()) -> ConfigError:
    """Return a ConfigError for one flaw."""
    return ConfigError(CANNOT, flaw_at(source, line, flaw, keys))
