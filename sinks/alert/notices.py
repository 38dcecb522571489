"""What there is to tell, before it has the shape of any destination. Values come from logs: they are hostile."""

from typing import Final, Literal

import msgspec

Kind = Literal["begun", "lasting", "over", "summary", "test"]
NAME_CHARACTERS: Final = 200
SAMPLE_BYTES: Final = 500


class Notice(msgspec.Struct, frozen=True):
    """One message: an incident has `begun`, is `lasting` or `over`; a `summary` of what the limit held back; a `test`.

    `group`: what its records have in common, by name. `count` records matched from `first_s` to `last_s`, seconds since
    1970; `sample` is the first of them. `absent_s`: it is about their absence for so long. Of a summary, `count` is the
    number of incidents that began, `over` of those that ended, and `rules` how many of each rule.
    """

    kind: Kind
    rule: str
    severity: str = "err"
    host: str = ""
    label: str = ""
    group: dict[str, str] = {}
    count: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    sample: str = ""
    absent_s: float | None = None
    text: str = ""
    over: int = 0
    rules: dict[str, int] = {}


class Letter(msgspec.Struct, frozen=True):
    """A notice on its way to the destination `to`, since `made_s` (seconds since 1970)."""

    id: int
    to: str
    made_s: float
    notice: Notice
