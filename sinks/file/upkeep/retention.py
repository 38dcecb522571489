"""How long the outputs of a file sink are kept: the settings of that. Pure."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from logbus.config.patterns import compile_glob
from logbus.errors import UsageError

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Keep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule of `keep`: outputs whose label matches a glob are kept for `keep_days`, and up to `keep_bytes` of them."""

    label: str = "*"
    keep_days: Positive | None = None
    keep_bytes: Positive | None = None

    def __post_init__(self) -> None:
        """Check the glob. Raises UsageError."""
        compile_glob(self.label)


def check(rules: Sequence[Keep], names: Sequence[str]) -> None:
    """Raise UsageError for rules by label if the template, with placeholders of these `names`, does not tell it."""
    if "label" not in names and any(rule.label != "*" for rule in rules):
        raise UsageError("keep outputs by label", "the path has no {label}", "put it into the path, or use '*'")
