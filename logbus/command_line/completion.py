"""Completion in shells: of commands and options by click, of our own words (sinks, labels, severities) by functions.

A shell asks the program itself, as click's documentation describes; `script` returns what tells it to.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.core import ParameterSource

from logbus.command_line.commands import CONTEXT
from logbus.errors import LogbusError, visible

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]

SHELLS: Final = ("bash", "zsh", "fish")
EPILOG: Final = """
\b
Examples:
  source <(PROGRAM completion bash)                                   in this shell
  PROGRAM completion bash > /etc/bash_completion.d/PROGRAM            for everyone
  PROGRAM completion zsh > /usr/local/share/zsh/site-functions/_PROGRAM
  PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish
"""


def script(shell: str, program: str) -> str:
    """Return what makes a shell complete the words of a program."""
    from click.shell_completion import ShellComplete, get_completion_class  # noqa: PLC0415 - only when asked for

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows these shells
    variable = f"_{program}_complete".replace("-", "_").upper()
    return ShellComplete.source(kind(click.Command(program), {}, program, variable))  # bash's own looks for bash first


def command_for(program: str) -> click.Command:
    """Return the command `completion` of a program."""

    @click.command("completion", epilog=EPILOG.replace("PROGRAM", program), context_settings=CONTEXT)
    @click.argument("shell", type=click.Choice(SHELLS))
    def completion(shell: str) -> None:
        """Print what makes a shell complete commands, options, files and names."""
        click.echo(script(shell, program))

    return completion


def offer(words: Callable[[Path | None], Iterable[str]]) -> Complete:
    """Return a completion by the words that a function finds, given the path of `--config`."""

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only when asked for

        try:
            found = list(words(ctx.params.get("config")))
        except LogbusError:  # a file that cannot be read or is wrong: there is nothing to offer
            return []
        return [CompletionItem(word) for word in found if word.startswith(incomplete) and word == visible(word)]

    return complete


def files_and(words: Iterable[str] = ()) -> Complete:
    """Return a completion by files, and by some words where nothing was given before."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only when asked for

        given = [name for name in ctx.params if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        found = offer(lambda _: words)(ctx, param, incomplete) if not given else []
        return [CompletionItem(incomplete, type="file"), *found]  # bash drops what comes before files

    return complete


def directories(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Complete by directories."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only when asked for

    return [CompletionItem(incomplete, type="dir")]
