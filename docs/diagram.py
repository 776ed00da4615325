"""The mode machine as a drawing: `python docs/diagram.py` prints the SVG.

Modes have places of their own here; edges and their numbers are the rows of MOVES. A mode without a place
is one without moves.
"""

import sys
from collections.abc import Iterator
from typing import NamedTuple

from gateway.control.machine import MOVES, Move
from gateway.control.state import Mode


class Spot(NamedTuple):
    """A point of the drawing."""

    x: float
    y: float


_PLACES = {
    Mode.ADOPT: Spot(90, 190),
    Mode.STANDBY: Spot(330, 70),
    Mode.READY: Spot(590, 70),
    Mode.RUN: Spot(830, 190),
    Mode.FAULT: Spot(460, 370),
}
_COLOURS = {Mode.FAULT: "#f6c9c4", Mode.RUN: "#c9e8cd"}
_SIZE, _LEGEND, _LINE = Spot(920, 410), 420, 22
_HALF = Spot(62, 22)
"Of a mode's box."
_BOW = 0.12
"How far an edge is bent to its left, of its length: there and back are two lines."
_BENT = {
    (Mode.ADOPT, Mode.READY): -0.13,
    (Mode.RUN, Mode.STANDBY): 0.13,
    (Mode.ADOPT, Mode.FAULT): -0.1,
}
"Edges that have to go round a box."
_STEPS = 60
_LABEL = 0.42
_LABELS = {
    (Mode.ADOPT, Mode.READY): 0.2,
    (Mode.RUN, Mode.STANDBY): 0.2,
}
"Where on an edge its number is; earlier where others cross it."
_TIP = """<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 0 L10 5 L0 10 z" fill="#444"/></marker></defs>"""
"The head of an arrow."
_FONT = 'font-family="Helvetica, Arial, DejaVu Sans, sans-serif"'


def diagram() -> str:
    """The whole drawing."""
    height = _LEGEND + _LINE * len(MOVES) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE.x} {height}" role="img">',
        "<title>Modes of a container and the moves between them</title>",
        _TIP,
        f'<rect width="{_SIZE.x}" height="{height}" fill="#ffffff"/>',
        *(part for number, move in enumerate(MOVES, 1) for part in _edge(move)),
        *(part for mode, spot in _PLACES.items() for part in _box(mode, spot)),
        *(part for number, move in enumerate(MOVES, 1) for part in _number(number, _label(move))),
        *(part for number, move in enumerate(MOVES, 1) for part in _explained(number, move)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _curve(move: Move) -> list[Spot]:
    """The points of an edge between the boxes that it joins."""
    start, end = _PLACES[move.before], _PLACES[move.after]
    across = Spot(end.y - start.y, start.x - end.x)
    bow = 2 * _BENT.get((move.before, move.after), _BOW)
    middle = Spot((start.x + end.x) / 2 + bow * across.x, (start.y + end.y) / 2 + bow * across.y)
    spots = []
    for step in range(_STEPS + 1):
        part = step / _STEPS
        one, two, three = (1 - part) ** 2, 2 * part * (1 - part), part**2
        x, y = (
            one * start[axis] + two * middle[axis] + three * end[axis] for axis in (0, 1)
        )  # fmt: skip
        spots.append(Spot(x, y))
    return [spot for spot in spots if not (_inside(spot, start) or _inside(spot, end))]


def _inside(spot: Spot, centre: Spot) -> bool:
    return abs(spot.x - centre.x) <= _HALF.x + 2 and abs(spot.y - centre.y) <= _HALF.y + 2


def _edge(move: Move) -> Iterator[str]:
    points = " ".join(f"{spot.x:.1f},{spot.y:.1f}" for spot in _curve(move))
    yield f'<polyline points="{points}" fill="none" stroke="#444" stroke-width="1.5" marker-end="url(#tip)"/>'


def _label(move: Move) -> Spot:
    spots = _curve(move)
    return spots[int(len(spots) * _LABELS.get((move.before, move.after), _LABEL))]


def _box(mode: Mode, spot: Spot) -> Iterator[str]:
    x, y = spot.x - _HALF.x, spot.y - _HALF.y
    fill = _COLOURS.get(mode, "#dde6f2")
    size = f'width="{2 * _HALF.x}" height="{2 * _HALF.y}"'
    yield f'<rect x="{x}" y="{y}" {size} rx="10" fill="{fill}" stroke="#444" stroke-width="1.5"/>'
    name = f"{mode.value} {mode.name.lower()}"
    yield f'<text x="{spot.x}" y="{spot.y + 6}" {_FONT} font-size="17" text-anchor="middle">{name}</text>'


def _number(number: int, spot: Spot) -> Iterator[str]:
    place = f'cx="{spot.x:.1f}" cy="{spot.y:.1f}"'
    yield f'<circle {place} r="11" fill="#ffffff" stroke="#444"/>'
    where = f'x="{spot.x:.1f}" y="{spot.y + 4.5:.1f}"'
    yield f'<text {where} {_FONT} font-size="13" text-anchor="middle">{number}</text>'


def _explained(number: int, move: Move) -> Iterator[str]:
    y = _LEGEND + _LINE * number - 5
    words = f"{number}  {move.before.name.lower()} to {move.after.name.lower()}: {move.when}"
    yield f'<text x="60" y="{y}" {_FONT} font-size="14">{words}</text>'


if __name__ == "__main__":
    sys.stdout.write(diagram())
