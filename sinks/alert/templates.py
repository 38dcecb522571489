"""The text of a message: a template's placeholders, replaced once. What logs contain is never a template itself."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from logbus.errors import UsageError, counted
from sinks.alert.notices import Notice

TEXT_CHARACTERS: Final = 4000
TEMPLATE_CHARACTERS: Final = 2000
NAMES: Final = ("rule", "severity", "state", "host", "label", "group", "count", "first", "last", "sample")
DEFAULT: Final = "[{severity}] {rule}{group}: {count} from {first} to {last}\n{sample}"
ABSENT: Final = "[{severity}] {rule}{group}: no record has reached the alert sink since {last}"
RETURNED: Final = "[{severity}] {rule}{group}: there are records again; the last one before was of {last}"
_STATES: Final = {
    "begun": "begun",
    "lasting": "still lasting",
    "over": "over",
    "summary": "summary",
    "test": "test",
}
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_LATEST_S: Final = 253_402_214_400.0
"""9999-12-31."""
Escape = Callable[[str], str]


def check_template(text: str) -> None:
    """Raise UsageError for a template that is too long, or has an unknown placeholder."""
    if len(text) > TEMPLATE_CHARACTERS:
        raise UsageError("use the text", f"it is longer than {TEMPLATE_CHARACTERS} characters")
    for name in _PLACEHOLDER.findall(text):
        if name not in NAMES:
            known = " ".join(f"{{{each}}}" for each in NAMES)
            raise UsageError("use the text", f"{{{name}}} is no placeholder", f"there is {known}")


def text_of(notice: Notice, escape: Escape = str) -> str:
    """Return the text of a message; `escape` makes what logs contain harmless where it goes."""
    if notice.kind == "summary":
        return "\n".join(_summary(notice))[:TEXT_CHARACTERS]
    values = {name: escape(value) for name, value in _values(notice).items()}
    text = _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), notice.text or _default(notice))
    return f"{_heading(notice)}{text}"[:TEXT_CHARACTERS].rstrip()


def title_of(notice: Notice) -> str:
    """Return one short line about a message."""
    if notice.kind == "summary":
        return f"Logbus: {counted(notice.count, 'more incident')}, beyond the limit of messages"
    groups = "".join(f" {value}" for value in notice.group.values())
    return f"Logbus: [{notice.severity}] {notice.rule}{groups} {_STATES[notice.kind]}"


def stamp(time_s: float) -> str:
    """Return a time, in seconds since 1970, in UTC, to the second."""
    moment = datetime.fromtimestamp(min(max(time_s, 0.0), _LATEST_S), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _default(notice: Notice) -> str:
    if notice.absent_s is None:
        return DEFAULT
    return RETURNED if notice.kind == "over" else ABSENT


def _heading(notice: Notice) -> str:
    return {"begun": "", "lasting": "Still lasting: ", "over": "Over: ", "test": "Only a test: "}.get(notice.kind, "")


def _values(notice: Notice) -> Mapping[str, str]:
    groups = ", ".join(f"{name}={value}" for name, value in notice.group.items())
    return {
        "rule": notice.rule,
        "severity": notice.severity,
        "state": _STATES[notice.kind],
        "host": notice.host,
        "label": notice.label,
        "group": f" ({groups})" if groups else "",
        "count": counted(notice.count, "record"),
        "first": stamp(notice.first_s),
        "last": stamp(notice.last_s),
        "sample": notice.sample,
    }


def _summary(notice: Notice) -> Iterator[str]:
    began = f"{counted(notice.count, 'more incident')} began"
    ended = f" and {counted(notice.over, 'incident')} ended"
    yield f"{began}{ended} since {stamp(notice.first_s)}, beyond the limit of messages per hour."
    yield from (f"{rule}: {count}" for rule, count in notice.rules.items())
