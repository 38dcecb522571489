"""Manual pages: of a program and each of its commands from what `--help` shows, of a file from docs/configuration.md.

Written when packages are built, by `.ci/share-files`. click-man, a library for this, leaves out epilogs, and with them
examples and exit codes.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import click

from logbus import VERSION
from logbus.command_line.commands import commands_of
from logbus.config.documentation import chapter, plain, section

CONTROL: Final = re.compile(r"^(?=[.'])", re.MULTILINE)
MARKUP: Final = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*")
RULER: Final = re.compile(r"^\|[-:| ]+\|$", re.MULTILINE)


def command_pages(name: str, program: click.Command, date: str) -> Iterator[tuple[str, str]]:
    """Yield the name of a file, and the page in it, for a program and for each of its commands."""
    commands = commands_of(program)
    yield f"{name}.1", _command_page([name], program, date, commands)
    for word, each in commands.items():
        yield f"{name}-{word}.1", _command_page([name, word], each, date, {})


def _command_page(words: list[str], command: click.Command, date: str, commands: Mapping[str, click.Command]) -> str:
    """Return the page of the command that `words` call; `commands` are those of a program."""
    name = words[0]
    others = [*(f"{name}-{word}(1)" for word in commands), *(f"{name}(1)" for _ in words[1:]), f"{name}.yml(5)"]
    context = click.Context(command, info_name=" ".join(words), help_option_names=["-h", "--help"])
    text = inspect.cleandoc(command.help or "")
    lines = [*_head("-".join(words), 1, date, _summary(command)), ".SH SYNOPSIS", f".B {escaped(' '.join(words))}"]
    lines += [escaped(" ".join(command.collect_usage_pieces(context))), ".SH DESCRIPTION"]
    lines += _paragraphs(text.split("\n\n"))
    lines += [".SH OPTIONS", *_options(command, context)]
    if commands:
        lines += [".SH COMMANDS", *_items((word, _summary(each)) for word, each in commands.items())]
    lines += [*_epilog(command.epilog or ""), ".SH SEE ALSO", escaped(", ".join(others))]
    return _page(lines)


def file_page(name: str, date: str) -> str:
    """Return the page of the configuration of the program `name`: its chapter of docs/configuration.md."""
    lines = _head(f"{name}.yml", 5, date, f"configuration of {name}")
    headings = [*chapter(f"{name.removeprefix('logbus-')}.yml"), *chapter("broker")]
    for number, heading in enumerate(headings):
        lines += [f".SH {escaped('DESCRIPTION' if not number else heading.upper())}", *_section(heading)]
    return _page([*lines, ".SH SEE ALSO", escaped(f"{name}(1)")])


def escaped(text: str) -> str:
    """Return a text that roff shows as it is."""
    return CONTROL.sub(r"\\&", text.replace("\\", "\\e").replace("-", "\\-"))


def _page(lines: Iterable[str]) -> str:
    return "\n".join([*(line for line in lines if line), ""])


def _head(title: str, chapter: int, date: str, summary: str) -> list[str]:
    manual = '"General Commands Manual"' if chapter == 1 else '"File Formats Manual"'
    first = f'.TH {escaped(title.upper())} {chapter} "{date}" "Logbus {VERSION}" {manual}'
    return [first, ".SH NAME", f"{escaped(title)} \\- {escaped(summary)}"]


def _summary(command: click.Command) -> str:
    """Return the first sentence of a command's help, as a line of `whatis`."""
    first = re.split(r"[.:](?:\s|$)", " ".join(inspect.cleandoc(command.help or "").split()))[0]
    return first[:1].lower() + first[1:]


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield ".PP" if number else ""
        yield escaped(" ".join(text.split()))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    options = [each for each in command.get_params(context) if isinstance(each, click.Option)]
    return _items(record for each in options if (record := each.get_help_record(context)))


def _items(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, text in pairs:
        yield from (".TP", f".B {escaped(name)}", escaped(" ".join(text.split())))


def _epilog(text: str) -> Iterator[str]:
    """Yield the sections of an epilog: examples, exit codes, and notes."""
    for block in inspect.cleandoc(text).split("\n\n") if text else ():
        heading, _, rest = block.removeprefix("\b\n").partition(":")
        if heading == "Examples":
            examples = inspect.cleandoc(rest.lstrip("\n")).splitlines()
            yield from (".SH EXAMPLES", ".nf", *map(escaped, examples), ".fi")
        elif heading == "Exit codes":
            yield from (".SH EXIT STATUS", *_paragraphs([rest]))
        else:
            yield from (".SH NOTES", *_paragraphs([block.removeprefix("\b\n")]))


def _section(heading: str) -> Iterator[str]:
    """Yield a section of the page: paragraphs, code, and tables as lists of items."""
    for number, block in enumerate(re.split(r"\n\n+", plain(section(heading)).strip())):
        if block.startswith("|"):
            yield from _table(block)
        elif block.startswith("```"):
            yield from (".PP", ".nf", *map(escaped, block.splitlines()[1:-1]), ".fi")
        else:
            yield ".PP" if number else ""
            yield _marked(" ".join(block.split()))


def _table(text: str) -> Iterator[str]:
    for row in RULER.split(text)[1].strip().splitlines():
        name, *facts, meaning = (cell.strip() for cell in row.strip("|").split(" | "))
        kind = "; ".join(facts if "required" in facts else [*facts[:-1], *(f"default: {each}" for each in facts[-1:])])
        yield from (
            ".TP",
            f".B {escaped(name.replace('`', ''))}",
            _marked(f"{kind}." if kind else ""),
            _marked(meaning),
        )


def _marked(text: str) -> str:
    """Return a text of the page for roff: code and emphasis in bold, which a terminal shows."""
    return MARKUP.sub(lambda found: rf"\fB{found[1] or found[2] or found[3]}\fP", escaped(text))
