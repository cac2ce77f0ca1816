"""Numbers over time and by group as SVG, drawn here, so that a page needs no script. Pure.

Each drawing says in words what it shows; the page has the same numbers in a table beside it. Lines differ by dash
and by label, never by colour alone.
"""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 56, 140, 16, 40
STEPS = 4
DASHES = ("", "6 4", "2 3", "10 3 2 3")
BAR = 18


def lines(title: str, description: str, labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> str:
    """One line for each series over the same labels, from 0 upwards."""
    top = _nice(max((value for values in series.values() for value in values), default=0))
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(number: int) -> float:
        return LEFT + (across * number / (len(labels) - 1) if len(labels) > 1 else across / 2)

    def y(value: float) -> float:
        return TOP + down * (1 - value / top)

    parts = [_open(title, description, HEIGHT)]
    for step in range(STEPS + 1):
        value = top * step / STEPS
        parts.append(
            f'<line x1="{LEFT}" y1="{y(value):.1f}" x2="{WIDTH - RIGHT}" y2="{y(value):.1f}"'
            f' stroke="currentColor" stroke-opacity="0.15"/>'
            f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
    shown = sorted({0, len(labels) - 1, (len(labels) - 1) // 2}) if labels else []
    parts += [
        f'<text x="{x(number):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{escape(labels[number])}</text>'
        for number in shown
    ]
    ends = sorted(((values[-1], name) for name, values in series.items() if values), reverse=True)
    places = _apart([y(value) for value, _ in ends])
    for place, (_, name) in zip(places, ends, strict=True):
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{place + 4:.1f}">{escape(name)}</text>')
    for number, (_, values) in enumerate(series.items()):
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(values))
        dash = DASHES[number % len(DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="2"{dashed}/>')
    return "".join([*parts, "</svg>"])


def bars(title: str, description: str, values: Mapping[str, int]) -> str:
    """One bar for each name, with its number at its end."""
    top = max(values.values(), default=0) or 1
    height, left = len(values) * (BAR + 10) + 12, 240
    parts = [_open(title, description, height)]
    for number, (name, value) in enumerate(values.items()):
        y = 8 + number * (BAR + 10)
        long = (WIDTH - left - 60) * value / top
        parts.append(
            f'<text x="{left - 8}" y="{y + 13}" text-anchor="end">{escape(_short(name))}</text>'
            f'<rect x="{left}" y="{y}" width="{long:.1f}" height="{BAR}" fill="currentColor" fill-opacity="0.6"/>'
            f'<text x="{left + long + 6:.1f}" y="{y + 13}">{value}</text>'
        )
    return "".join([*parts, "</svg>"])


def _open(title: str, description: str, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' role="img" font-size="13" font-family="sans-serif" fill="currentColor">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    )


def _nice(most: int) -> int:
    """The next number that reads well at the top of an axis, and divides into its steps."""
    size = STEPS
    while size < most:
        size *= 10 if size * 10 < most else 2
    return size


def _apart(places: Sequence[float]) -> list[float]:
    """Labels from above to below, moved down where they would lie on each other."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + 15) if moved else place)
    return moved


def _short(name: str, most: int = 36) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
