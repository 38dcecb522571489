"""What somebody searches for on the page, from what the page's address says. Pure, but for the clock."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Final

from msgspec import Struct

from logbus.config.patterns import compile_glob
from logbus.errors import UsageError
from logbus.eventtime import host_zone
from logbus.fields.matching import conditions
from sinks.search.asking import Query
from sinks.search.matching import matcher
from sinks.search.when import time_us
from sinks.web.live.filters import digits_of

LIMIT: Final = 200
LIMIT_MAX: Final = 1_000


class Asked(Struct, frozen=True):
    """What to search for, and how many hits at most."""

    query: Query
    limit: int = LIMIT


def asked_in(words: Mapping[str, str], fields: Iterable[str]) -> Asked:
    """Return what a URL asks for: text, since, until, min, severity, host, label, limit. Raises UsageError."""
    zone = UTC if words.get("utc") else host_zone()
    now_us = time.time_ns() // 1000
    since, until = (time_us(words[each], now_us, zone) if words.get(each) else None for each in ("since", "until"))
    query = Query(
        matcher=matcher(words["text"]) if words.get("text") else None,
        since_us=since,
        until_us=until,
        digits=digits_of(words.get("min", ""), words.get("severity", "")),
        fields=conditions(dict(map(_pair, fields))),
        names={name: compile_glob(glob) for name in ("host", "label") if (glob := words.get(name, ""))},
        zone=zone,
    )
    return Asked(query, _limit(words.get("limit", "")))


def _pair(text: str) -> tuple[str, str]:
    name, sign, glob = text.partition("=")
    if not (name and sign):
        raise UsageError("search by a field", f"{text!r} is no NAME=GLOB", "as in http.status=5*")
    return name, glob


def _limit(text: str) -> int:
    if not text:
        return LIMIT
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= LIMIT_MAX):
        raise UsageError("search", f"the limit {text[:20]!r} is none", f"give a number from 1 to {LIMIT_MAX}")
    return int(text)
