"""Decoding alone: our compiled decoders against cantools, on frames of the demo BMU protocol."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cantools.database
from cantools.database.can import Database

from bench.cycle import SWEEP, recorded
from bench.timing import Effort, Measure, Spread, interleaved, nanoseconds
from gateway.app import Gateway
from gateway.canbus.compile import Decode, compile_bus
from gateway.canbus.frame import IDENTIFIER, Frame
from gateway.mapping.library import Library, installed
from gateway.mapping.site import load_site

_PASSES = 5_000
"Frames a round and contestant."


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of frame."""

    message: str
    text: str


SHAPES = (
    Shape("Rack_Limits", "4 x u16, little-endian, with ranges"),
    Shape("Rack_Measure", "4 mixed big-endian signals, one signed, and a rolling counter"),
    Shape("Rack_Status", "5 states, insulation, 9 alarm bits and a rolling counter"),
    Shape("Cell_Voltage", "page number and 4 x 14 bits, 104 pages"),
)


@dataclass(frozen=True, slots=True)
class Decoding:
    """What one frame of a shape costs, in ns."""

    shape: Shape
    ours: Spread
    cantools: Spread


def database() -> Database:
    """The demo protocol as cantools reads it: the messages of rack 1."""
    loaded = cantools.database.load_file(installed() / "frames" / "demo-bmu.dbc")
    if not isinstance(loaded, Database):
        raise TypeError("demo-bmu.dbc is no CAN database")
    return loaded


def of_rack_one(frames: Sequence[Frame], known: Database) -> dict[str, list[Frame]]:
    """Recorded frames of rack 1 by message name, in order."""
    names = {message.frame_id: message.name for message in known.messages}
    chosen: dict[str, list[Frame]] = {name: [] for name in names.values()}
    for frame in frames:
        name = names.get(frame.key & IDENTIFIER)
        if name is not None:
            chosen[name].append(frame)
    return chosen


def _decoders() -> Mapping[int, Decode]:
    gateway = Gateway(load_site(Library(), "demo"), "simulation")
    (state,) = gateway.containers.values()
    (messages,) = state.container.messages.values()
    return {key: decode for key, (decode, _) in compile_bus(messages, state.store).items()}


def _ours(decode: Decode, frames: Sequence[Frame]) -> Measure:
    def run() -> None:
        for frame in frames:
            decode(frame.data, frame.time)

    return lambda: nanoseconds(run) / len(frames)


def _theirs(known: Database, frames: Sequence[Frame]) -> Measure:
    identifier, decode = frames[0].key & IDENTIFIER, known.decode_message

    def run() -> None:
        for frame in frames:
            decode(identifier, frame.data, decode_choices=False)

    return lambda: nanoseconds(run) / len(frames)


def measure(effort: Effort) -> list[Decoding]:
    """Both on the same frames, in turn."""
    known, decoders = database(), _decoders()
    by_name = of_rack_one(recorded(SWEEP), known)
    results = []
    for shape in SHAPES:
        frames = list(itertools.islice(itertools.cycle(by_name[shape.message]), _PASSES))
        costs = interleaved(
            effort.rounds,
            {
                "ours": _ours(decoders[frames[0].key], frames),
                "cantools": _theirs(known, frames),
            },
        )
        results.append(Decoding(shape, costs["ours"], costs["cantools"]))
    return results
