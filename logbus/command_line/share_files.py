"""What belongs below /usr/share beside a program: its manual pages, and its completions for shells."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from logbus.command_line.completion import SHELLS, script
from logbus.command_line.man_pages import command_pages, file_page

COMPLETIONS: Final = {
    "bash": "bash-completion/completions/{}",
    "zsh": "zsh/site-functions/_{}",
    "fish": "fish/vendor_completions.d/{}.fish",
}
"""Where each shell looks for the completion of a program."""


def write(name: str, program: click.Command, share: Path, date: str) -> None:
    """Write the files of the program `name` below `share`; the pages are of `date`."""
    for relative, text in files(name, program, date):
        path = share / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def files(name: str, program: click.Command, date: str) -> Iterator[tuple[str, str]]:
    """Yield the path of each file, relative to /usr/share, and its text."""
    for file, text in command_pages(name, program, date):
        yield f"man/man1/{file}", text
    yield f"man/man5/{name}.yml.5", file_page(name, date)
    for shell in SHELLS:
        yield COMPLETIONS[shell].format(name), script(shell, name)
