"""Path templates: `/srv/logs/{host}/{date}/{name}`, with values that cannot escape from the base directory.

    {host} {label}   of the batch
    {path}           the source's whole path; its directories stay directories
    {name}           the source's file name
    {date} {hour}    the day on which it happened, UTC, as 2026-11-24, and the hour, as 07
    {fields.NAME}    the value of one of the shipper's fields; `_` if it has none
    {stream}         the stream's id: with it, each life of the source is a file of its own, byte for byte

Values come from the network. Each is cut into components that consist only of allowed characters, are at most 255 bytes
long, and never begin with a dot or a dash; all but {path} are a single component. The part before the first placeholder
is the operator's, and its directory is the base that no output leaves. Values are substituted once, by position: they
are never parsed as templates. Sources whose values differ only in forbidden characters share an output.
"""

import functools
import hashlib
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from logbus.batch import Batch
from logbus.errors import UsageError
from sinks.sink import suggestion

PLACEHOLDERS = dict.fromkeys(("host", "label", "path", "name", "date", "hour", "stream", "fields.NAME"))
FIELD = "fields."
MISSING = "_"
ROTATED = "rotated"
"""The suffix of rotated files, for sink types to say what they write; operators cannot use it."""
COMPONENT_MAX_BYTES = 255
UNKNOWN = "unknown"
HOUR_US = 3_600_000_000
PERIODS_US = {"hour": HOUR_US, "date": 24 * HOUR_US}
LAST_HOUR = 2_932_896 * 24 + 23
"""9999-12-31, in hours since 1970."""
RENDERED = 4096
_START = datetime(1970, 1, 1, tzinfo=UTC)

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NOT_ALLOWED = re.compile(r"[^\w.+=@,:#% -]|^[.-]")


class Template(Struct, frozen=True):
    """A parsed template: `base`, and beneath it alternating literals (even places) and fields (odd places)."""

    base: Path
    parts: tuple[str, ...]

    @property
    def has_fields(self) -> bool:
        """True if outputs depend on the content of batches."""
        return len(self.parts) > 1

    @property
    def period_us(self) -> int:
        """For how long a time has the same output, in microseconds; 0 if the time does not matter."""
        return next((us for name, us in PERIODS_US.items() if name in self.parts[1::2]), 0)

    def render(self, batch: Batch, period: int = 0) -> str:
        """Return the path of the output for `batch`, relative to the base, in a period since 1970 in UTC."""
        hour = min(period * (self.period_us // HOUR_US), LAST_HOUR) if period else 0
        stream = batch.stream if "stream" in self.parts[1::2] else ""
        names = _fields_in(self.parts)
        fields = tuple([batch.fields.get(name, "") for name in names]) if names else ()
        return _render(self.parts, batch.host, batch.label, batch.path, hour, stream, fields)


def parse(text: str) -> Template:
    """Return `text` as a template. Raises UsageError."""
    parts = _PLACEHOLDER.split(text)
    for name in parts[1::2]:
        known = name in PLACEHOLDERS or name == ROTATED or (len(name) > len(FIELD) and name.startswith(FIELD))
        if not known:
            raise UsageError(f"use the path {text!r}", f"{{{name}}} is no placeholder", suggestion(name, PLACEHOLDERS))
    if any(brace in literal for literal in parts[::2] for brace in "{}"):
        raise UsageError(f"use the path {text!r}", "it has an unmatched brace", "write placeholders as {host}")
    folder, _, first = parts[0].rpartition("/")
    base = Path(os.path.abspath(f"{folder}/" if "/" in parts[0] else "."))  # noqa: PTH100 - Path would follow links
    parts[0] = first
    _check(text, "".join(name if i % 2 == 0 else "x" for i, name in enumerate(parts)))
    return Template(base, tuple(parts))


def _check(text: str, beneath: str) -> None:
    """Refuse a template that is not a plain path beneath the base."""
    if any(component in ("", ".", "..") or "\0" in component for component in beneath.split("/")):
        raise UsageError(f"use the path {text!r}", "it does not name a file", "end it with a name, without . or ..")


@functools.cache
def _fields_in(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the fields in a template."""
    return tuple(name.removeprefix(FIELD) for name in parts[1::2] if name.startswith(FIELD))


@functools.lru_cache(maxsize=RENDERED)
def _render(  # noqa: PLR0913, PLR0917 - the key of a cache
    parts: tuple[str, ...], host: str, label: str, path: str, hour: int, stream: str, fields: tuple[str, ...]
) -> str:
    when = _START + timedelta(hours=hour)
    values = {
        "host": component(host),
        "label": component(label),
        "path": "/".join(component(each) for each in path.split("/") if each) or UNKNOWN,
        "name": component(path.rpartition("/")[2]),
        "date": f"{when:%Y-%m-%d}",
        "hour": f"{when:%H}",
        "stream": stream or UNKNOWN,
    }
    named = zip(_fields_in(parts), fields, strict=True)
    values |= {FIELD + name: component(value) if value else MISSING for name, value in named}
    joined = "".join(values[part] if i % 2 else part for i, part in enumerate(parts))
    return "/".join(_shortened(each) for each in joined.split("/"))


def component(value: str) -> str:
    """Return `value` as one harmless path component."""
    return _NOT_ALLOWED.sub("_", value) or UNKNOWN


def _shortened(name: str) -> str:
    """Return `name` if it is short enough for a file, otherwise its beginning and a hash of the whole."""
    encoded = os.fsencode(name)
    if len(encoded) <= COMPONENT_MAX_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:16]
    return f"{encoded[: COMPONENT_MAX_BYTES - 17].decode(errors='ignore')}-{digest}"
