"""Units that databases use, and how they become the gateway's SI units.

A row: unit as written -> SI unit, multiplier, divisor, offset. Dividing by 1000 keeps decimal fractions
exact where multiplying by 0.001 does not.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conversion:
    """value in SI = value x multiplier / divisor + offset."""

    unit: str
    multiplier: float = 1
    divisor: float = 1
    offset: float = 0


CONVERSIONS = {
    "V": Conversion("V"),
    "mV": Conversion("V", divisor=1000),
    "A": Conversion("A"),
    "mA": Conversion("A", divisor=1000),
    "W": Conversion("W"),
    "kW": Conversion("W", multiplier=1000),
    "Wh": Conversion("Wh"),
    "kWh": Conversion("Wh", multiplier=1000),
    "Ah": Conversion("Ah"),
    "mAh": Conversion("Ah", divisor=1000),
    "Ohm": Conversion("Ohm"),
    "kOhm": Conversion("Ohm", multiplier=1000),
    "MOhm": Conversion("Ohm", multiplier=1_000_000),
    "%": Conversion("%"),
    "degC": Conversion("degC"),
    "K": Conversion("degC", offset=-273.15),
    "": Conversion(""),
}
# A degree sign rarely survives a code page; what becomes of it is listed too.
ALIASES = {
    "°C": "degC",
    "C": "degC",
    "℃": "degC",
    "Â°C": "degC",
    "\ufffdC": "degC",
    "Ω": "Ohm",
    "ohm": "Ohm",
    "kΩ": "kOhm",
    "kohm": "kOhm",
    "Volt": "V",
    "Amp": "A",
    "N/A": "",
}


def conversion(unit: str, target: str) -> Conversion | None:
    """How to come from a unit as written to a point's unit; None where they do not fit.

    A signal without a unit is taken to be in the point's own.
    """
    known = CONVERSIONS.get(ALIASES.get(unit, unit))
    if known is None:
        return None
    if not known.unit:
        return Conversion(target)
    return known if known.unit == target else None
