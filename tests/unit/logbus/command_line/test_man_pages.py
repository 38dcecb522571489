"""Manual pages: every command has one, roff accepts it, and it says what --help says."""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

import shipper.__main__
import sinks.__main__
from logbus.command_line.commands import commands_of
from logbus.command_line.man_pages import escaped
from logbus.command_line.share_files import files, write

PROGRAMS: dict[str, click.Command] = {"logbus-shipper": shipper.__main__.main, "logbus-sinks": sinks.__main__.cli}
PAGES = {
    path: text
    for name, program in PROGRAMS.items()
    for path, text in files(name, program, "2026-11-24")
    if path.startswith("man/")
}
REQUESTS = {".TH", ".SH", ".PP", ".TP", ".B", ".nf", ".fi"}
SECTIONS = ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SEE ALSO")


def text_of(page: str) -> str:
    """Return the text of a page, without roff's escapes."""
    return page.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def test_every_command_has_a_page() -> None:
    """A page for each program, each of its commands and each configuration file."""
    expected = {f"man/man5/{name}.yml.5" for name in PROGRAMS} | {f"man/man1/{name}.1" for name in PROGRAMS}
    expected |= {f"man/man1/{name}-{word}.1" for name, program in PROGRAMS.items() for word in commands_of(program)}
    assert set(PAGES) == expected


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_well_formed(path: str) -> None:
    """It begins with its title, has no empty line, and each line that begins with a dot is a request that we mean."""
    page = PAGES[path]
    title = re.escape(Path(path).stem.upper().replace("-", "\\-"))
    assert re.match(rf'\.TH {title} [15] "2026-11-24" "Logbus [\d.]+\S*" "[\w ]+"\n\.SH NAME\n', page)
    assert "\n\n" not in page
    assert {line.split()[0] for line in page.splitlines() if line[0] in ".'"} <= REQUESTS
    assert page.count("\n.nf\n") == page.count("\n.fi\n")
    assert not set(re.findall(r"\\(.)", page)) - set("-&efB")


@pytest.mark.parametrize("path", [path for path in PAGES if path.endswith(".1")])
def test_a_page_has_what_help_has(path: str) -> None:
    """Its sections, every option with its explanation, and the examples."""
    program, _, word = re.sub(r"(logbus-\w+)-?", r"\1 ", Path(path).stem).partition(" ")
    command = commands_of(PROGRAMS[program])[word] if word else PROGRAMS[program]
    page = text_of(PAGES[path])
    assert all(f".SH {each}\n" in page for each in SECTIONS)
    for each in (each for each in command.params if isinstance(each, click.Option) and not each.hidden):
        assert all(re.search(rf"^\.B .*{opt}\b", page, re.MULTILINE) for opt in each.opts)
        assert " ".join((each.help or "").split()) in page
    examples = re.findall(rf"^  (.*{program}.*)$", command.epilog or "", re.MULTILINE)
    assert all(example in page for example in examples)


def test_a_file_has_its_keys() -> None:
    """The page of a configuration has every key of its sections, with type, default and meaning."""
    page = PAGES["man/man5/logbus-sinks.yml.5"]
    for key in ("sinks", "commit_ms", "overflow", "every_s", "heartbeat_s"):
        assert f"\n.TP\n.B {key}\n" in page
    assert "\nmilliseconds, 1 to 60,000; default: \\fB200\\fP.\nthe same, after this much time\n" in page


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_roff_has_nothing_to_complain_about(tmp_path: Path) -> None:
    """No formatter warns of a page: groff formats each in silence; mandoc, where it is installed, finds no error."""
    for name, program in PROGRAMS.items():
        write(name, program, tmp_path, "2026-11-24")
    pages = sorted(map(str, tmp_path.glob("man/man*/*")))
    assert len(pages) == len(PAGES)
    for page in pages:
        done = subprocess.run(
            ["groff", "-man", "-ww", "-k", "-Tutf8", page], capture_output=True, text=True, check=True
        )
        assert not done.stderr
    if shutil.which("mandoc"):
        subprocess.run(["mandoc", "-T", "lint", "-W", "error", *pages], check=True)


@pytest.mark.parametrize("text", [".so /etc/passwd", "'br", "a\n.SH X", "\\fBx", "--config"])
def test_text_is_only_text(text: str) -> None:
    """No text is taken for a request or an escape of roff."""
    assert not re.search(r"^[.']", escaped(text), re.MULTILINE)
    assert not re.search(r"\\(?![e&-])", escaped(text))
    assert text_of(escaped(text)) == text
