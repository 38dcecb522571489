"""The keys of a file sink, and what it would write. Pure, but for the names of users and groups."""

import grp
import pwd
import re
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from logbus.errors import UsageError
from sinks.file import template
from sinks.file.safe_open import Making
from sinks.file.upkeep import retention
from sinks.file.upkeep.retention import Keep, Positive
from sinks.file.upkeep.rotation import Rotation
from sinks.parsed import Which

Format = Literal["raw", "prefix", "json"]
LATE_DAYS_MAX = 36_525

_MODE = re.compile(r"0?[0-7]{3}")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a file sink.

    `path`, a template (see `sinks.file.template`); `format` (see `sinks.file.wrapping`); `parsed`: in JSON, whose
    fields are written; `compress`; `rotate`; `mode` of new files, octal; their `owner` and `group`, names or numbers;
    `sync`: at each commit, or never (then a power failure may lose acknowledged records); `late_days`: a record that is
    older when it is read belongs to the day of reading; `index`: keep an index for searches, see `sinks.index`;
    `settle`: read finished outputs once more, so that the index is exact, see `sinks.settling`; `recompress`: those of
    tiny Zstandard frames, meanwhile. `keep_days` and `keep_bytes`: how long outputs are kept, and how much of them;
    `keep`: the same by label, the first rule that matches.
    """

    path: str
    format: Format = "raw"
    parsed: Which = "objects"
    compress: Literal["none", "zstd"] = "none"
    rotate: Rotation | None = None
    mode: str = "0640"
    owner: str | None = None
    group: str | None = None
    sync: Literal["commit", "never"] = "commit"
    late_days: Annotated[int, msgspec.Meta(ge=0, le=LATE_DAYS_MAX)] = 31
    index: bool = True
    settle: bool = True
    recompress: bool = True
    keep_days: Positive | None = None
    keep_bytes: Positive | None = None
    keep: list[Keep] = []

    def __post_init__(self) -> None:
        """Check the template, the mode and the names. Raises UsageError."""
        if template.ROTATED in template.parse(self.path).parts[1::2]:
            raise UsageError(f"use the path {self.path!r}", "{rotated} is no placeholder", "see docs/configuration.md")
        if not _MODE.fullmatch(self.mode):
            raise UsageError(f"use the mode {self.mode!r}", "it is not a file mode", "write it in quotes, as in '0640'")
        self.making()
        retention.check(self.keep, template.parse(self.path).parts[1::2])
        if self.compress == "zstd" and self.rotate and self.rotate.compress != "none":
            raise UsageError("compress twice", "outputs are zstd already", "leave out rotate: compress")

    @property
    def is_kept_in_order(self) -> bool:
        """Whether outputs are settled or deleted now and then."""
        return bool((self.index and self.settle) or self.deletes)

    @property
    def deletes(self) -> bool:
        """Whether outputs are deleted."""
        return bool(self.keep or self.keep_days or self.keep_bytes)

    def making(self) -> Making:
        """Return how files are created. Raises UsageError for an unknown owner or group."""
        uid = _number(self.owner, "owner", lambda name: pwd.getpwnam(name).pw_uid)
        gid = _number(self.group, "group", lambda name: grp.getgrnam(name).gr_gid)
        return Making(int(self.mode, 8), uid, gid)


def _number(name: str | None, what: str, look_up: Callable[[str], int]) -> int:
    if name is None:
        return -1
    try:
        return int(name) if name.isdecimal() else look_up(name)
    except (KeyError, ValueError):
        cause = f"{what} {name!r}: this host has no such name"
        raise UsageError("give away files", cause, "give a name or a number") from None


def outputs(settings: Settings) -> tuple[str, ...]:
    """Return the template of outputs, and that of rotated ones."""
    rotated = f"{settings.path}-{{{template.ROTATED}}}"
    return (settings.path, rotated) if settings.rotate else (settings.path,)
