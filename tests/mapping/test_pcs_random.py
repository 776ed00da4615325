"""Random PCS maps: what is written and read back is the order, within a count, and never more."""

import dataclasses
from collections.abc import Mapping

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.errors import MappingError
from gateway.mapping.pcs import PcsMap
from gateway.mapping.pcs_file import pcs_map
from gateway.mapping.source import parse
from gateway.mapping.words import TYPES
from gateway.model.order import PcsOrder

HEAD = """
pcs: random
sign: {sign}
word_order: {word_order}
byte_order: {byte_order}
watchdog: {{seconds: 5}}
"""
RUN_AT = 9000
_ROWS = ("power", "reactive")
_LIMITS = ("charge_current", "discharge_current")
_SPARE = 1e-6
"Counts by which arithmetic may miss."
_SHORT = 2.0**-23
"Resolution of f32."
_SMALLEST = 1e-37
"Below, f32 counts by fixed steps."

orders = st.sampled_from(["big", "little"])
watts = st.one_of(
    st.floats(-1e6, 1e6), st.floats(-1e12, 1e12), st.integers(-40000, 40000).map(float)
)
scales = st.one_of(st.sampled_from([0.001, 0.01, 0.1, 1.0, 10.0, 1000.0]), st.floats(1e-3, 1e3))


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A row's type and scaling, as drawn."""

    at: int
    type: str
    scale: float
    zero: int
    "The count of zero."
    most: float | None

    def text(self, what: str, *, is_read: bool = False) -> str:
        """The row."""
        most = "" if self.most is None or is_read else f", max: {self.most!r}"
        offset = -self.zero * self.scale
        return (
            f"  - {{at: {self.at}, what: {what}, type: {self.type}, scale: {self.scale!r}, "
            f"offset: {offset!r}{most}}}"
        )

    def least(self, value: float) -> float:
        """The magnitude that must at least arrive of a value: all but a count, as far as the type goes."""
        kind = TYPES[self.type]
        towards = kind.high - self.zero if value * self.scale > 0 else self.zero - kind.low
        wanted = min(abs(value), self.most or abs(value), towards * abs(self.scale))
        count = abs(self.scale)
        lost = abs(value) * _SHORT + count * _SMALLEST if kind.is_float else count
        return wanted - lost * (1 + _SPARE) - wanted * 1e-9


@st.composite
def drawn(draw: st.DrawFn, number: int) -> Drawn:
    """A row; the rows of a map lie close together, or far apart, in any order."""
    kind = draw(st.sampled_from(["i16", "i32", "u16", "u32", "f32", "f64"]))
    scale = draw(scales) * draw(st.sampled_from([1, -1]))
    zero = draw(st.integers(1, 60000)) if kind.startswith("u") else 0
    at = (
        draw(st.permutations([10, 14, 18, 22]))[number]
        + 100 * draw(st.integers(0, 2))
        + 1000 * number
    )
    return Drawn(at, kind, scale, zero, draw(st.none() | st.floats(1, 1e6)))


@st.composite
def maps(draw: st.DrawFn) -> tuple[PcsMap, Mapping[str, Drawn]]:
    """A map that is right, and its rows."""
    names = (*_ROWS, *_LIMITS)
    rows = {name: draw(drawn(number)) for number, name in enumerate(names)}
    head = HEAD.format(
        sign=draw(st.sampled_from(["discharge", "charge"])),
        word_order=draw(orders), byte_order=draw(orders),
    )  # fmt: skip
    reads = [rows[name].text(name, is_read=True) for name in _ROWS]
    reads.append(f"  - {{at: {RUN_AT}, what: running, type: u16, when: {{values: 7}}}}")
    writes = [row.text(name) for name, row in rows.items()]
    writes.append(f"  - {{at: {RUN_AT}, what: run, type: u16, codes: {{run: 7, stop: 0}}}}")
    text = "\n".join([head, "reads:", *reads, "writes:", *writes])
    try:
        return pcs_map(parse(text, "random.yaml")), rows
    except MappingError:  # a scale at which a limit above 0 cannot be said
        assume(False)  # noqa: FBT003 - hypothesis's word for it
        raise


@given(made=maps(), power=watts, reactive=watts, run=st.booleans())
def test_what_is_ordered_is_what_is_read_back(
    made: tuple[PcsMap, Mapping[str, Drawn]], power: float, reactive: float, *, run: bool
) -> None:
    """Power and reactive power, within a count, towards zero, in any type, order and sign."""
    pcs, rows = made
    order = PcsOrder(0, power, reactive, run=run, stop=not run)
    memory = dict.fromkeys(range(10000), 0)
    for first, words in pcs.writes(order, 1):
        memory.update(enumerate(words, first))
    registers = {
        (span.table, at): memory[at]
        for span in pcs.read_spans for at in range(span.first, span.first + span.quantity)
    }  # fmt: skip
    report = pcs.report(registers, 0)

    assert report.is_running is run
    for name, wanted, found in (
        ("power", power, report.power), ("reactive", reactive, report.reactive),
    ):  # fmt: skip
        row = rows[name]
        spare = _SPARE * abs(row.scale) * max(1, row.zero) + abs(wanted) * 1e-9
        if not run:
            assert abs(found) <= spare
            continue
        turned = dataclasses.replace(row, scale=-row.scale) if _turns(pcs, name, row) else row
        assert abs(found) <= abs(wanted) + spare
        assert found * wanted >= 0 or abs(found) <= spare
        assert abs(found) >= turned.least(wanted)


def _turns(pcs: PcsMap, name: str, row: Drawn) -> bool:
    """Whether the map's sign turns a row."""
    (read,) = [item for item in pcs.reads if item.what == name]
    return read.coding.scale != row.scale


@given(maps(), st.floats(allow_nan=True), st.integers(0, 1 << 40))
def test_every_request_can_be_sent(
    made: tuple[PcsMap, Mapping[str, Drawn]], value: float, heartbeat: int
) -> None:
    """Whatever numbers an order holds, words are words, each register is written once, run is last."""
    pcs, _ = made
    order = PcsOrder(0, value, value, run=True, stop=False, charge_current=value,
                     discharge_current=value)  # fmt: skip
    requests = [(first, tuple(words)) for first, words in pcs.writes(order, heartbeat)]
    places = [first + at for first, words in requests for at in range(len(words))]

    assert all(0 <= word <= 0xFFFF for _, words in requests for word in words)
    assert len(places) == len(set(places))
    assert requests[-1] in {(RUN_AT, (7,)), (RUN_AT, (0x700,))}
    assert pcs.writes(dataclasses.replace(order, stop=True), 0)[0] == (RUN_AT, [0])
