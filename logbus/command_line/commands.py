"""What the commands of both programs have in common, besides their log."""

import importlib
from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])


def printing_option(flag: str, module: str, meaning: str) -> Callable[[Command], Command]:
    """Return an option that prints what `text` in a module returns, and exits; the module is imported only then."""

    def show(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
        if wanted and not context.resilient_parsing:
            click.echo(importlib.import_module(module).text(), nl=False)
            context.exit()

    return click.option(flag, is_flag=True, is_eager=True, expose_value=False, callback=show, help=meaning)
