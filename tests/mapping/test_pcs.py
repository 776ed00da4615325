"""PCS maps at work: golden words, written down by hand from the register maps."""

import dataclasses
import math
import re
from pathlib import Path

import pytest

from gateway.mapping.library import Library
from gateway.mapping.pcs import PcsMap, ReadSpan
from gateway.mapping.pcs_file import load_pcs, pcs_map
from gateway.mapping.source import parse
from gateway.model.order import PcsOrder, PcsReport

RUN = PcsOrder(
    0, power=-70000, reactive=500, run=True, stop=False, charge_current=123.4,
    discharge_current=6553.7,
)  # fmt: skip
SIM = load_pcs(Library(), "sim-pcs")
DER = load_pcs(Library(), "sunspec-der")


def one(write: str, **head: str) -> PcsMap:
    """A map of one row that is written beside what every map needs."""
    rows = [write]
    if "what: power" not in write:
        rows.append("at: 900, what: power, type: i32")
    lines = [f"{key}: {value}" for key, value in head.items()]
    text = "\n".join([
        "pcs: test", *lines, "watchdog: {seconds: 5}", "reads:",
        "  - {at: 100, what: power, type: i16}",
        "  - {at: 101, what: running, type: u16, when: {values: 2}}",
        "writes:", *(f"  - {{{row}}}" for row in rows),
        "  - {at: 910, what: run, type: u16, codes: {run: 1, stop: 2, standby: 3}}",
    ])  # fmt: skip
    return pcs_map(parse(text, "test.yaml"))


def written(pcs: PcsMap, order: PcsOrder, heartbeat: int = 0) -> dict[int, int]:
    """The registers that an order writes."""
    requests = pcs.writes(order, heartbeat)
    return {first + at: word for first, words in requests for at, word in enumerate(words)}


def test_the_simulated_pcs_is_told_to_run() -> None:
    """Limits and setpoint first; heartbeat and run after them; the fault reset never."""
    assert SIM.writes(RUN, 65537) == [
        (2, [0xFFFE, 0xEE90, 0, 500, 0, 1234, 1, 1, 5, 0]),
        (0, [1, 1]),
    ]


def test_the_simulated_pcs_is_told_to_stop() -> None:
    """The stop first; then zero power, whatever the order says of it; the limits stay."""
    assert SIM.writes(dataclasses.replace(RUN, stop=True), 7) == [
        (0, [7, 0]),
        (2, [0, 0, 0, 0, 0, 1234, 1, 1, 5, 0]),
    ]


def test_the_simulated_pcs_reports() -> None:
    """One request reads it all."""
    assert SIM.read_spans == (ReadSpan("holding", 100, 10),)
    words = [2, 0, 0xFFFE, 0xEE90, 0, 500, 7205, 0, 0x04D2, 9]
    registers = {("holding", 100 + at): word for at, word in enumerate(words)}

    report = SIM.report(registers, 12.5)
    assert report.dc_current == pytest.approx(123.4)
    assert dataclasses.replace(report, dc_current=0) == PcsReport(
        12.5, -70000, 500, 720.5, 0, is_running=True
    )
    assert SIM.pulse(registers) == (9, 5)
    registers["holding", 100], registers["holding", 101] = 3, 1
    tripped = SIM.report(registers, 0)
    assert (tripped.is_running, tripped.has_fault, tripped.watchdog_tripped) == (False, True, True)


def test_the_sunspec_inverter_is_told_to_run() -> None:
    """Reversion before the setpoint, and the operation last."""
    assert DER.writes(RUN, 70000) == [
        (40255, [1, 0, 10]),
        (40260, [1, 4]),
        (40263, [0, 500]),
        (40247, [1, 1, 0xFFFE, 0xEE90, 0, 0]),
        (40342, [1, 0x1170]),
        (40345, [1]),
    ]


def test_the_sunspec_inverter_stops_in_the_opposite_order() -> None:
    """Operation, heartbeat, power, and so on."""
    stop = dataclasses.replace(RUN, stop=True)

    assert [first for first, _ in DER.writes(stop, 0)] == [
        first for first, _ in reversed(DER.writes(RUN, 0))
    ]
    assert DER.writes(stop, 0)[0] == (40345, [0])


def test_the_sunspec_inverter_is_recognised() -> None:
    """Another model id, or another scale factor, is another device."""
    registers = {
        (span.table, span.first + at): 0 for span in DER.read_spans for at in range(span.quantity)
    }
    for at, word in {40070: 701, 40186: 1, 40189: 1, 40225: 704, 40280: 0, 40282: 0, 40292: 714,
                     40308: 0xFFFF, 40337: 715}.items():  # fmt: skip
        registers["holding", at] = word

    assert DER.expects
    assert DER.mismatch(registers) == ""
    registers["holding", 40308] = 0xFFFE
    told = "register 40308 holds -2, not -1: another device or map"
    assert DER.mismatch(registers) == told


NUMBERS: dict[str, dict[float, list[int]]] = {
    # type and scaling: value in W, words
    "type: i16": {
        0: [0], 1.9: [1], -1.9: [0xFFFF], 32766.5: [32766], 40000: [32767],
        -40000: [0x8001], 1e300: [32767], math.inf: [0], -math.inf: [0], math.nan: [0],
    },
    "type: i16, scale: 0.1": {0.3: [3], -0.35: [0xFFFD], 1.1: [11]},
    "type: i16, scale: 1000": {999: [0], -1999: [0xFFFF], 7e7: [32767]},
    "type: i16, scale: 1e-300": {1e10: [32767], -1e10: [0x8001]},
    "type: i16, max: 5000": {6000: [5000], -6000: [0xEC78]},
    "type: i16, sign: charge": {100: [0xFF9C], -100: [100]},
    "type: u16, offset: -32000": {0: [32000], 1.9: [32001], -1.9: [31999], 1e9: [0xFFFE]},
    "type: i32, word_order: little": {70000: [0x1170, 1], 3e9: [0xFFFF, 0x7FFF]},
    "type: i32, byte_order: little": {70000: [0x0100, 0x7011]},
    "type: f32": {
        1.5: [0x3FC0, 0], 0.1: [0x3DCC, 0xCCCC], -0.1: [0xBDCC, 0xCCCC], -0.0: [0, 0],
        1e300: [0x7F7F, 0xFFFF], math.nan: [0, 0],
    },
    "type: f32, scale: 1000": {1500: [0x3FC0, 0]},
}  # fmt: skip


@pytest.mark.parametrize("row", NUMBERS)
def test_numbers_go_towards_zero(row: str) -> None:
    """What does not fit is less than was ordered, never more, and nothing wraps round (R19)."""
    pcs = one(f"at: 0, what: power, {row}")
    for value, words in NUMBERS[row].items():
        registers = written(pcs, dataclasses.replace(RUN, power=value))
        assert [registers[at] for at in range(len(words))] == words, value


LIMITS = {100.09: 1000, 0: 0, -5: 0, 6553.5: 65534, 1e9: 65534, math.nan: 0, math.inf: 0}


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("what", ["charge_current", "discharge_current"])
def test_limits_are_never_more_than_allowed(what: str, limit: float) -> None:
    """An unknown one, and one without an end, is zero (R19)."""
    pcs = one(f"at: 0, what: {what}, type: u16, scale: 0.1")
    order = PcsOrder(0, charge_current=limit, discharge_current=limit)

    assert written(pcs, order)[0] == LIMITS[limit]


@pytest.mark.parametrize(
    ("run", "stop", "code", "watts"), [(1, 0, 1, 10), (1, 1, 2, 0), (0, 1, 2, 0), (0, 0, 3, 0)]
)
def test_the_command(*, run: int, stop: int, code: int, watts: int) -> None:
    """A stop wins; without either it stands by, where the PCS can; power is zero until it may run."""
    pcs = one("at: 0, what: power, type: i16")
    order = PcsOrder(0, power=10, run=bool(run), stop=bool(stop))

    assert (written(pcs, order)[910], written(pcs, order)[0]) == (code, watts)


def test_the_heartbeat_wraps() -> None:
    """As its row says, else as far as its type goes."""
    toggled = one("at: 0, what: heartbeat, type: u16, wrap: 2")
    counted = one("at: 0, what: heartbeat, type: i16")

    assert [written(toggled, RUN, beat)[0] for beat in range(4)] == [0, 1, 0, 1]
    assert [written(counted, RUN, beat)[0] for beat in (32767, 32768)] == [32767, 0]


def test_states_by_values_and_bits() -> None:
    """Several rows of a fault count together; a bit counts in any word order."""
    text = Path(Library().need("sim-pcs", "pcs", "")).read_text()
    more = (
        "  - {at: 300, what: fault, type: u32, word_order: little, when: {bits: [31, 3]}}\n"
        '  - {at: 302, what: fault, type: i16, when: {values: ["5-6", -7]}}\n'
    )
    pcs = pcs_map(parse(text.replace("writes:", more + "writes:"), "test.yaml"))
    registers = {("holding", at): 0 for at in (*range(100, 110), 300, 301, 302)}
    assert pcs.read_spans[1:] == (ReadSpan("holding", 300, 3),)
    for at, word in ((300, 8), (301, 0x8000), (302, 6), (302, 0xFFF9)):
        assert pcs.report({**registers, ("holding", at): word}, 0).has_fault
    assert not pcs.report({**registers, ("holding", 300): 0x8000, ("holding", 302): 7}, 0).has_fault


def test_what_stands_for_no_value_is_none() -> None:
    """The pattern that SunSpec uses reads as unknown, not as a number."""
    pcs = one("at: 0, what: power, type: i16")
    registers = {("holding", 100): 0x8000, ("holding", 101): 2}

    assert math.isnan(pcs.report(registers, 0).power)


def test_what_a_pcs_counts_the_other_way_is_turned() -> None:
    """Positive is discharge inside, whatever the PCS says (N2)."""
    pcs = one("at: 0, what: power, type: i16", sign="charge")
    registers = {("holding", 100): 40, ("holding", 101): 2}

    assert pcs.report(registers, 0).power == -40
    assert written(pcs, dataclasses.replace(RUN, power=40))[0] == 0xFFD8


def test_long_requests_are_cut_between_rows() -> None:
    """No request reads more than 125 registers or writes more than 123, or half a row."""
    text = Path(Library().need("sim-pcs", "pcs", "")).read_text()
    reads = "".join(f"  - {{at: {1000 + 2 * at}, expect: 0, type: u32}}\n" for at in range(64))
    writes = "".join(f"  - {{at: {2000 + 2 * at}, const: 0, type: u32}}\n" for at in range(64))
    pcs = pcs_map(parse(text.replace("writes:", reads + "writes:") + writes, "test.yaml"))

    assert pcs.read_spans[1:] == (ReadSpan("holding", 1000, 124), ReadSpan("holding", 1124, 4))
    lengths = {first: len(words) for first, words in pcs.writes(RUN, 0)}
    assert (lengths[2000], lengths[2122]) == (122, 6)


def test_examples_of_the_manual_are_right() -> None:
    """Every YAML block of the page is a PCS map."""
    page = (Path(__file__).parents[2] / "docs" / "pcs.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)

    assert blocks
    for block in blocks:
        pcs_map(parse(block, "docs/pcs.md"))


def test_a_reset_is_passed_on() -> None:
    """Register 11 of the simulated PCS is 1 while a fault is to be taken back (R24)."""
    simulated = load_pcs(Library(), "sim-pcs")
    words = dict(simulated.writes(PcsOrder(1.0, reset=True), 7))

    assert words[2][9] == 1
