"""Globs of a configuration that can match no file: what a shell, a regular expression or Windows would understand.

On the command line every path is taken as it is: there, the shell has expanded it.
"""

import re

from logbus.config.settings import Document
from shipper.settings import Input, Settings

_BRACKETS = "a name that really contains {0!r} is written with [{0}]"
_FOREIGN = (  # what a glob must not contain, why, what to write, and the character of a name that really contains it
    (r"~[\w.-]*(/|$)", "~ is not expanded: write the whole path, such as /srv/app/app.log", "~"),
    (r"(.*/)?\$\{?[A-Za-z_]", "$NAME is not expanded: ${NAME} is the environment variable", "$"),
    (r"[A-Za-z]:[\\/]|\\\\", "it is a path of Windows: write it with /, as this system does", "\\"),
    (r".*\{[^{}]*,[^{}]*\}", "braces are not expanded: write one entry for each alternative", "{"),
)
_REGULAR_EXPRESSION = re.compile(r"\^|.*(?:\$$|\\[.dws/]|\(\?[:=!<Pi]|\([^()]*\|[^()]*\))", re.DOTALL)
_GLOB = "it is a regular expression, and globs are asked for, such as '*.gz' or 'debug-*'"


def check_inputs(document: Document, settings: Settings) -> None:
    """Raise ConfigError for a shipper's configuration that has no inputs, or a glob that can match nothing."""
    if not settings.inputs:
        raise document.error(
            "there are no inputs: name some files, as in inputs: [{paths: [/var/log/*.log]}]", "inputs"
        )
    for number, entry in enumerate(settings.inputs):
        for key, index, text in _globs(entry):
            if flaw := flaw_of(text):
                raise document.error(f"{text!r} can match no file: {flaw}", "inputs", number, key, index)


def _globs(entry: Input) -> list[tuple[str, int, str]]:
    """Return key, index and text of each glob of an input."""
    several = (("paths", entry.paths), ("exclude", entry.exclude))
    return [(key, index, text) for key, globs in several for index, text in enumerate(globs)]


def flaw_of(text: str) -> str:
    """Return why a glob can match no file, and what to write; "" if it may match one."""
    for pattern, advice, character in _FOREIGN:
        if re.match(pattern, text, re.DOTALL):
            return f"{advice} ({_BRACKETS.format(character)})"
    return _GLOB if _REGULAR_EXPRESSION.match(text) else ""
