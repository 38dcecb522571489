"""What the commands of both programs have in common, besides their log.

Help names a program as it was called, `logbus-shipper` or `python -m shipper`; texts are written with the former.
"""

import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from logbus.errors import LogbusError

T = TypeVar("T", bound=Callable[..., object])

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
"""How our commands take options and show help."""

_PROGRAM: Final = re.compile(r"\blogbus-(?:shipper|sinks)\b")


class Command(click.Command):
    """A command whose epilog names the program as it was called."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog."""
        write_epilog(self, ctx, formatter)


def write_epilog(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write a command's epilog with the program's name as it was called."""
    if command.epilog:
        called = (ctx.find_root().info_name or "").removesuffix(f" {command.name}")
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_PROGRAM.sub(lambda _: called, inspect.cleandoc(command.epilog)))


class Program(Command):
    """A program that is a command, or the one of `commands` that its first word names.

    `commands`: each one's module, which is imported only when used; it defines a command of the same name.
    """

    def __init__(self, *args: Any, commands: Mapping[str, str], **options: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **options)
        self.modules = commands

    def command(self, word: str) -> click.Command:
        """Return the command that a word names."""
        found: click.Command = getattr(importlib.import_module(self.modules[word]), word)
        return found

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,  # noqa: ANN401 - click's own
    ) -> click.Context:
        """Return the context of the command that is meant."""
        if args and args[0] in self.modules:
            return self.command(args[0]).make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that is meant."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


def commands_of(program: click.Command) -> dict[str, click.Command]:
    """Return the commands of a program, by their words."""
    if isinstance(program, Program):
        return {word: program.command(word) for word in program.modules}
    if not isinstance(program, click.Group):
        return {}
    context = click.Context(program)
    found = {word: program.get_command(context, word) for word in program.list_commands(context)}
    return {word: command for word, command in found.items() if command}


def printing_option(flag: str, module: str, meaning: str) -> Callable[[T], T]:
    """Return an option that prints what `text` in a module returns, and exits; the module is imported only then."""

    def show(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
        if wanted and not context.resilient_parsing:
            try:
                text = importlib.import_module(module).text()
            except LogbusError as error:
                click.echo(f"Error: {error}", err=True)
                context.exit(error.exit_code)
            click.echo(text, nl=False)
            context.exit()

    return click.option(flag, is_flag=True, is_eager=True, expose_value=False, callback=show, help=meaning)
