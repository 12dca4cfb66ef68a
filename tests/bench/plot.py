"""Draws the times of one healthy host: a bar for each tool, the quartiles as a line in it."""

from collections.abc import Iterator
from html import escape
from typing import Final

from bench.cases import QUESTIONS, Group
from bench.results import Results, Spread, spread, walls

_NAMES: Final = 240
_WIDTH: Final = 560
_LINE: Final = 20
_TITLE: Final = 34
_OURS: Final = "#1f6feb"
_THEIRS: Final = "#9aa4af"


def render(results: Results) -> str:
    """Return the plot as SVG."""
    panels = []
    for trip in (0, 20, 100):
        found = {
            case.name: spread(walls(results.of(case, Group((), 0, round_trip=trip))).values()) for case in QUESTIONS
        }
        panels.append((trip, {name: each for name, each in found.items() if each is not None}))
    panels = [(trip, bars) for trip, bars in panels if bars]
    longest = max((each.high for _, bars in panels for each in bars.values()), default=1)
    lines, top = list[str](), 0
    for trip, bars in panels:
        lines.append(_text(8, top + 23, f"{trip} ms round trip", weight="bold"))
        top += _TITLE
        for name, bar in bars.items():
            lines += _bar(name, bar, top, (_WIDTH - 70) / longest)
            top += _LINE
    size = f'width="{_NAMES + _WIDTH}" height="{top + 10}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">',
            '<rect width="100%" height="100%" fill="white"/>',
            *lines,
            "</svg>\n",
        ]
    )


def _bar(name: str, bar: Spread, top: int, scale: float) -> Iterator[str]:
    yield _text(_NAMES - 8, top + 14, name, anchor="end")
    colour = _OURS if name.startswith("remediate") else _THEIRS
    yield f'<rect x="{_NAMES}" y="{top + 2}" width="{bar.middle * scale:.1f}" height="{_LINE - 5}" fill="{colour}"/>'
    low, high, middle = _NAMES + bar.low * scale, _NAMES + bar.high * scale, top + _LINE // 2
    yield f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="black"/>'
    yield _text(round(high) + 6, top + 14, f"{bar.middle * 1000:.0f} ms")


def _text(x: int, y: int, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
