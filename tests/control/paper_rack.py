"""A rack on paper: what it measures and tells, and how it follows."""

import math
from dataclasses import dataclass

from control.coils import Coils


@dataclass
class PaperRack:
    """One rack: what it measures, and how it follows."""

    voltage: float = 1300.0
    current: float = 0.0
    connected: float = 0.0
    serial: float = 7.0
    firmware: float = 2.0
    modules: float = math.nan
    watts: float | None = None
    "What its BMU tells, if that is not voltage times current."
    heard: bool = True
    silent: bool = False
    stuck: bool = False
    "Does not close."
    welded: bool = False
    "Does not open."
    precharging: bool = False
    mute: bool = False
    "Tells its contactors and current, and no limits any more."
    limits_age: float = 0.0
    ordered: float = math.nan
    since: float = 0.0
    coils: Coils | None = None


def power(rack: PaperRack) -> float:
    """What a rack tells of its power, in W."""
    return rack.voltage * rack.current if rack.watts is None else rack.watts
