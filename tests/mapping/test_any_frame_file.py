"""Frame files with anything anywhere: they are refused in lines with places, or they decode."""

from collections.abc import Iterator
from pathlib import Path

import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from mapping.spoken import Pack, lines, spoken

from gateway.errors import MappingError

Value = object
Path_ = tuple[Value, ...]
RICH = """
protocol: test
title: everything at once
positive: charge
order: big
messages:
  - id: 0x1{rack}0
    name: pack
    period: 0.5
    timeout: 2
    frozen: 60
    zero: invalid
    counter: {signal: k, modulo: 16}
    require: [u]
    signals:
      k: {bits: 0|4@1+}
      page: {bits: 4|4@1+}
      u: {bytes: 1-2, type: signed, scale: 0.1, unit: V, point: rack_voltage, range: [0, 900]}
      c: {bits: 24|8@1-, repeat: 3, step: 8, when: {page: 0-2}, over: cell, point: cell_voltage,
          not_available: [255, 0x80-0x8F], valid_when: {ok: 1}}
      ok: {bits: 60|1@1+, labels: {0: bad, 1: good}}
      s: {bits: 61|3@1+, point: rack_state, states: {0: disconnected, 1: 99},
          alarms: [{cause: fire, level: trip, bit: 2}, {cause: gas, level: alarm, code: 1-3}]}
  - id: 0x2{rack}{page}
    pages: 3
    period: 5
    signals: {b: {bits: 0|1@1+, repeat: 4, over: cell, point: cell_balancing}}
  - id: {base: 0x300, rack: 16, module: 1}
    extended: true
    bus: main
    length: 8
    period: 1
    order: little
    signals:
      i: {bytes: 0-3, type: float, point: [module_voltage], absolute: true, sign: -1, offset: 1}
      t: {bytes: 4, point: cell_temperature, sensor: 1, unit: K}
"""
NUMBERS = st.sampled_from([0, 1, -1, 2, 7, 8, 63, 64, 65, 255, 256, 0x7FF, 0x800, 1 << 29, 1 << 70])
FLOATS = st.sampled_from([0.0, -0.5, 1e-300, 1e300, float("inf"), float("-inf"), float("nan")])
TEXTS = st.sampled_from(
    ["", "u", "page", "c_1", "0-3", "9-1", "0|8@1+", "70|20@0-", "big", "charge", "cell", "rack",
     "0x1{rack}", "0x{module}{rack-3}", "{page:2}", "rack_soc", "cell_voltage", "fire", "trip",
     "signed", "float", "degC", "A", "_", "é", "1:2", "main"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | NUMBERS | FLOATS | TEXTS
ANYTHING: st.SearchStrategy[Value] = (
    SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(TEXTS | NUMBERS, SCALARS, max_size=2)
)
ALIKE: dict[type, st.SearchStrategy[Value]] = {int: NUMBERS, float: FLOATS, str: TEXTS}


def parts(data: Value) -> dict[Value, Value]:
    """What is in a list or a mapping, by its key; nothing in anything else."""
    if isinstance(data, list):
        return dict(enumerate(data))
    return dict(data) if isinstance(data, dict) else {}


def places(data: Value, path: Path_ = ()) -> Iterator[tuple[Path_, Value]]:
    """Every place in some data, with what is there."""
    for key, part in parts(data).items():
        yield (*path, key), part
        yield from places(part, (*path, key))


def replaced(data: Value, path: Path_, new: Value) -> Value:
    """The same data with something else at a place."""
    if not path:
        return new
    inside = parts(data)
    inside[path[0]] = replaced(inside[path[0]], path[1:], new)
    return list(inside.values()) if isinstance(data, list) else inside


@st.composite
def changed(draw: st.DrawFn) -> Value:
    """The file with something else in one or two places, mostly of the same kind."""
    data: Value = yaml.safe_load(RICH)
    for _ in range(draw(st.integers(1, 2))):
        strange = draw(st.integers(0, 4)) == 4
        known = [place for place in places(data) if strange or type(place[1]) in ALIKE]
        path, old = draw(st.sampled_from(known))
        data = replaced(data, path, draw(ANYTHING if strange else ALIKE[type(old)]))
    return data


def test_the_file_as_it_is(tmp_path: Path) -> None:
    """Without a change it decodes."""
    pack = Pack(spoken(tmp_path, RICH, "{racks: 2, modules: 3, cells: 6, sensors: 1}"))
    pack.take(0x110, "00 0FA0 01 02 03 00 10").take(0x212, "05")

    assert pack.values("rack_voltage") == [400, None]
    assert pack.values("cell_voltage")[:3] == [1, 2, 3]
    assert pack.values("cell_balancing")[4:8] == [1, 0, 1, 0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changed(), st.binary(min_size=8, max_size=8))
def test_any_change(tmp_path: Path, data: Value, payload: bytes) -> None:
    """Problems come in lines with places; what loads takes any frame."""
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
    told = ["frames.yaml:1:1: nothing"]
    try:
        pack = Pack(spoken(tmp_path, text, "{racks: 2, modules: 3, cells: 6, sensors: 1}"))
    except MappingError as error:
        event("refused")
        told = lines(error)
    else:
        event("loaded")
        for identifier in pack.identifiers():
            for size in (8, 64):
                frame = (payload * 8)[:size].hex()
                pack.take(int(identifier, 16), frame, extended=len(identifier) > 3)

    assert all(line.startswith("frames.yaml:") for line in told)
