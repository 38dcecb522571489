"""Which optional accelerators this process has: for `--version --verbose`, and for a metric."""

import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from logbus import VERSION
from logbus.native import pcre2

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

_Command = TypeVar("_Command", bound="Callable[..., object]")


class Accelerator(NamedTuple):
    """One of them: its `version`, "" where it is missing; what it does; and how to get it."""

    name: str
    version: str
    use: str
    hint: str


_PCRE2: Final = (
    "install libpcre2-8 (Debian: libpcre2-8-0; Fedora, Alpine: pcre2), 10.35 or newer with a JIT; under systemd, a JIT "
    "needs MemoryDenyWriteExecute=no"
)


def found() -> list[Accelerator]:
    """Return all accelerators."""
    return [
        Accelerator("pcre2", pcre2.version(), "reads severities, two to eight times as fast", _PCRE2),
        Accelerator("stringzilla", _installed("stringzilla"), "counts lines, finds text", "pip install 'logbus[fast]'"),
        Accelerator("second_thread", _cores(), "compresses beside all else", "give it two cores"),
    ]


def version_option() -> "Callable[[_Command], _Command]":
    """Return click's option --version."""
    import click  # noqa: PLC0415 - whoever calls this has imported it

    return click.option(
        "--version",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_version,
        help="Show the version and exit; with --verbose, also what makes this installation fast.",
    )


def _show_version(context: "click.Context", _option: "click.Parameter", wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    lines = [f"logbus {VERSION}"]
    if {"-v", "--verbose"} & set(sys.argv[1:]):
        lines += [f"Python {sys.version.split()[0]}", *map(_line, found())]
    sys.stdout.write("\n".join([*lines, ""]))
    context.exit()


def _line(each: Accelerator) -> str:
    state = f"{each.version}: {each.use}" if each.version else f"missing: {each.hint}"
    return f"{each.name.replace('_', ' ')} {state}"


def _installed(package: str) -> str:
    import importlib.metadata  # noqa: PLC0415 - large, and only to report

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _cores() -> str:
    count = len(os.sched_getaffinity(0))
    return f"on {count} cores" if count > 1 else ""
