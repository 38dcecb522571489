"""Bar charts as SVG, without a library: one bar a figure, its value beside it, whiskers for the spread of its runs."""

from collections.abc import Mapping, Sequence
from html import escape
from statistics import median

WIDTH, BAR, LEFT, RIGHT, TOP = 860, 22, 300, 130, 34
COLOUR = "#31688e"


def bars(title: str, unit: str, runs: Mapping[str, Sequence[float]]) -> str:
    """Return an SVG group of one chart's bars, and nothing of where it stands."""
    scale = (WIDTH - LEFT - RIGHT) / max((max(each) for each in runs.values()), default=1.0)
    parts = [f'<text x="0" y="18" class="title">{escape(title)} ({escape(unit)})</text>']
    for row, (name, values) in enumerate(runs.items()):
        y, middle = TOP + row * BAR, TOP + row * BAR + BAR * 0.4
        low, high = LEFT + min(values) * scale, LEFT + max(values) * scale
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{median(values) * scale:.1f}" height="{BAR - 6}" fill="{COLOUR}"/>',
            f'<line x1="{low:.1f}" y1="{middle:.1f}" x2="{high:.1f}" y2="{middle:.1f}" stroke="#d08030"/>',
            f'<text x="{high + 8:.1f}" y="{y + 13}">{median(values):.3g}</text>',
        ]
    return "\n".join(parts)


def svg(charts: Sequence[tuple[str, str, Mapping[str, Sequence[float]]]]) -> str:
    """Return a picture of charts, (title, unit, name -> runs) each, one under the other."""
    parts: list[str] = []
    y = 16
    for title, unit, runs in charts:
        if runs:
            parts.append(f'<g transform="translate(16 {y})">\n{bars(title, unit, runs)}\n</g>')
            y += TOP + BAR * len(runs) + 18
    style = "text{font:13px sans-serif;fill:#222}.title{font-weight:bold}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + 32}" height="{y}">'
    return "\n".join(
        [head, f'<style>{style}</style><rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"]
    )
