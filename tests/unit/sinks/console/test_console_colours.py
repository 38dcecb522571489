"""The console's colours: legible, stable, wanted or not; and what they stand around."""

import re

import pytest

from logbus.severity import Severity
from sinks.console import Settings, colours
from sinks.console.painting import Painter, Space
from sinks.console.text import Text
from support.stages import Stage

STEPS = (0, 95, 135, 175, 215, 255)
"""Of the cube of colours 16 to 231; those behind it are grey."""


def channels(number: int) -> tuple[int, int, int]:
    """Return red, green and blue of one of the 256 colours."""
    if number >= 232:
        return (8 + (number - 232) * 10,) * 3
    index = number - 16
    return STEPS[index // 36], STEPS[index // 6 % 6], STEPS[index % 6]


def luminance(number: int) -> float:
    """Return the relative luminance of a colour, as WCAG 2 defines it."""
    linear = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in _fractions(number)]
    return sum(share * each for share, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _fractions(number: int) -> list[float]:
    return [each / 255 for each in channels(number)]


def contrast(one: int, other: int) -> float:
    """Return the contrast of two colours, 1 to 21."""
    dark, bright = sorted(map(luminance, (one, other)))
    return (bright + 0.05) / (dark + 0.05)


BLACK, WHITE = 16, 231
ALL = {*colours.SEVERITIES.values(), colours.DIM, *(colours.of_name(f"host-{n}") for n in range(500))} - {""}


@pytest.mark.parametrize("colour", sorted(ALL))
def test_each_colour_is_legible_on_black_and_on_white(colour: str) -> None:
    """At least 3:1 against both, or against a background of its own."""
    (foreground,) = map(int, re.findall(r"38;5;(\d+)", colour))
    for background in list(map(int, re.findall(r"48;5;(\d+)", colour))) or (BLACK, WHITE):
        assert contrast(foreground, background) >= 3


def test_names_have_stable_colours_of_their_own() -> None:
    """The same in each run, none of a severity, and enough of them."""
    assert colours.of_name("web-1") == "\x1b[38;5;97m"
    assert colours.of_name("a\udcff")
    assert len(ALL - {*colours.SEVERITIES.values(), colours.DIM}) == 16
    assert set(colours.SEVERITIES) == set(Severity)


@pytest.mark.parametrize(
    ("color", "terminal", "variables", "wanted"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", False, {"CLICOLOR_FORCE": "1"}, True),
        ("auto", False, {"CLICOLOR_FORCE": "0", "FORCE_COLOR": ""}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_who_decides(
    monkeypatch: pytest.MonkeyPatch, color: str, terminal: bool, variables: dict[str, str], wanted: bool
) -> None:
    """First --color, then NO_COLOR, then what forces colours, then the terminal."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert colours.are_wanted(color, terminal=terminal) == wanted


def test_columns_and_fields_are_coloured(stage: Stage) -> None:
    """Severity, host and label have colours, the message has not, the fields are dim."""
    text = Text(Settings(), colour=True)
    shown = b"".join(text.pieces(stage.batch(b'{"msg":"a","b":1}\nplain\n', levels=b"36"))).decode().splitlines()
    host, label = colours.of_name("web-1"), colours.of_name("app")
    names = f"{host}web-1\x1b[0m {label}app\x1b[0m"
    assert shown[0].partition(" ")[2] == f"\x1b[38;5;160merr    \x1b[0m {names} a \x1b[38;5;244mb=1\x1b[0m"
    assert shown[1].partition(" ")[2] == f"info    {names} plain"


M, R, D = colours.MARK, colours.RESET, colours.DIM


@pytest.mark.parametrize(
    ("text", "fields_at", "room", "painted"),
    [
        ("no hit", 6, None, "no hit"),
        ("a timeout, a timeout", 20, None, f"a {M}timeout{R}, a {M}timeout{R}"),
        ("a b=timeout c=1", 2, None, f"a {D}b={R}{M}timeout{R}{D} c=1{R}"),
        ("é timeout é b=1", 11, None, f"é {M}timeout{R} {D}é b=1{R}"),
        ("a\nb timeout", 11, None, f"a\n  b {M}timeout{R}"),
        ("a b c d e timeout", 17, 12, f"a b c d e\n  {M}timeout{R}"),
        ("xxxxxxxxtimeout", 15, 12, f"xxxxxxxx{M}time{R}\n  {M}out{R}"),
        ("msg a=1 b=2 c=3 d=4", 4, 12, f"msg {D}a=1 b=2{R}\n  {D}c=3 d=4{R}"),
        ("msg x=timeout", 4, 8, f"msg {D}x={R}{M}ti{R}\n  {M}meout{R}"),
    ],
)
def test_matches_are_marked(text: str, fields_at: int, room: int | None, painted: str) -> None:
    """Also among the fields; no colour goes on into the blanks of the next row."""
    space = Space(2, room)
    assert Painter(colour=True, grep="timeout").painted(text.encode(), fields_at, space).decode() == painted


def test_only_so_many_matches_are_marked() -> None:
    """S9: a pattern that matches everywhere costs little; no mark is within a character."""
    shown = Painter(colour=True, grep=".").painted("é".encode() * 5_000, 10_000, Space(2)).decode()
    assert shown.count(M) <= 100
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == "é" * 5_000


def test_nothing_is_marked_without_colours(stage: Stage) -> None:
    """A pattern alone does not colour."""
    text = Text(Settings(grep="x"), terminal=lambda: 80)
    assert b"\x1b" not in b"".join(text.pieces(stage.batch(b"x x x\n")))
