"""The demo BMU protocol as a DBC file: `python -m conformance.sim.database > mappings/frames/demo-bmu.dbc`."""

from collections.abc import Iterable, Iterator

from conformance.sim.alarms import BITS
from conformance.sim.battery import Ratings
from conformance.sim.bmu import PAGE, identifier

_HEADER = 'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_: BMU Gateway\n'
_FIXED = {
    (0x10, "Rack_Measure"): (
        'RackVoltage : 7|16@0+ (0.1,0) [0|2000] "V"',
        'RackCurrent : 23|16@0- (0.1,0) [-1000|1000] "A"',
        'RackSoC : 39|16@0+ (0.01,0) [0|100] "%"',
        'RackSoH : 55|8@0+ (0.5,0) [0|100] "%"',
        'Measure_Counter : 59|4@0+ (1,0) [0|15] ""',
    ),
    (0x11, "Rack_Limits"): (
        'ChargeCurrentLimit : 0|16@1+ (0.1,0) [0|1000] "A"',
        'DischargeCurrentLimit : 16|16@1+ (0.1,0) [0|1000] "A"',
        'ChargePowerLimit : 32|16@1+ (0.1,0) [0|2000] "kW"',
        'DischargePowerLimit : 48|16@1+ (0.1,0) [0|2000] "kW"',
    ),
    (0x12, "Rack_Status"): (
        'ContactorPositive : 0|1@1+ (1,0) [0|1] ""',
        'ContactorNegative : 1|1@1+ (1,0) [0|1] ""',
        'ContactorPrecharge : 2|1@1+ (1,0) [0|1] ""',
        'Breaker : 3|1@1+ (1,0) [0|1] ""',
        'RackState : 8|8@1+ (1,0) [0|99] ""',
        *(f'{name} : {bit}|1@1+ (1,0) [0|1] ""' for name, bit in BITS.items()),
        'Insulation : 32|16@1+ (1,0) [0|60000] "kOhm"',
        'Status_Counter : 60|4@1+ (1,0) [0|15] ""',
    ),
    (0x13, "Rack_Info"): (
        'RackCapacity : 0|16@1+ (0.1,0) [0|2000] "Ah"',
        'SerialNumber : 16|24@1+ (1,0) [0|0] ""',
        'Firmware : 40|16@1+ (1,0) [0|0] ""',
        'Modules : 56|8@1+ (1,0) [0|0] ""',
    ),
    (0x15, "Rack_Power"): ('RackPower : 0|24@1- (1,0) [0|0] "W"',),
}
_REQUESTS = {
    (0x190101A0, "Rack_Request"): (
        'Request : 0|2@1+ (1,0) [0|2] ""',
        'AlarmReset : 4|1@1+ (1,0) [0|1] ""',
        'Stop : 5|1@1+ (1,0) [0|1] ""',
        'Operation : 8|8@1+ (1,0) [0|2] ""',
        'Heartbeat : 16|8@1+ (1,0) [0|255] ""',
        'Request_Counter : 48|4@1+ (1,0) [0|15] ""',
        'Request_CRC : 56|8@1+ (1,0) [0|255] ""',
    ),
    (0x190001A2, "Clock"): ('Seconds : 0|32@1+ (1,0) [0|4294967295] "s"',),
}
"What the BMUs are sent; the clock goes to all of them."


def _paged(count: int, name: str, scaling: str, unit: str) -> Iterator[str]:
    """Values of 14 bits, four a page."""
    yield 'Page M : 0|8@1+ (1,0) [0|255] ""'
    for number in range(count):
        page, place = divmod(number, PAGE)
        yield f'{name}{number + 1:03} m{page} : {8 + 14 * place}|14@1+ {scaling} [0|0] "{unit}"'


def lines(ratings: Ratings | None = None) -> Iterator[str]:
    """The database for rack 1; the other racks differ in the identifier's fourth digit."""
    shape = ratings or Ratings()
    cells = shape.modules * shape.cells
    balancing = [
        f'Balancing_{module + 1:02}_{cell + 1:03} m{module} : {8 + cell}|1@1+ (1,0) [0|1] ""'
        for module in range(shape.modules)
        for cell in range(shape.cells)
    ]
    messages = _FIXED | {
        (0x20, "Module_Voltage"): tuple(_paged(shape.modules, "ModuleV_", "(0.02,0)", "V")),
        (0x30, "Cell_Voltage"): tuple(_paged(cells, "CellV_", "(1,0)", "mV")),
        (0x40, "Cell_Temperature"): tuple(_paged(cells, "CellT_", "(0.1,-40)", "degC")),
        (0x50, "Cell_Balancing"): ('Module M : 0|8@1+ (1,0) [0|255] ""', *balancing),
    }
    yield _HEADER
    for (kind, name), signals in messages.items():
        yield from _message(identifier(1, kind), f"{name}: 8 BMU", signals)
    for (number, name), signals in _REQUESTS.items():
        yield from _message(number, f"{name}: 8 Gateway", signals)


def _message(number: int, title: str, signals: Iterable[str]) -> Iterator[str]:
    yield f"BO_ {number | 1 << 31} {title}"
    yield from (f" SG_ {signal} Vector__XXX" for signal in signals)
    yield ""


if __name__ == "__main__":
    print("\n".join(lines()))  # noqa: T201 - the output is the point
