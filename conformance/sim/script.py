"""What a user says to the simulated plant: faults on the command line, words at the keyboard."""

import asyncio
import re
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conformance.sim.fault import FAULTS, Faults, Target
from gateway.cli.screen import err, out
from gateway.errors import UsageError

_VERBS = "'stop RACK', 'start RACK', 'fault NAME [RACK]' or 'clear NAME [RACK]'"


@dataclass(frozen=True, slots=True)
class Timed:
    """A fault that comes after so many seconds; rack 0 is all racks."""

    name: str
    rack: int = 0
    after: float = 0.0


def planned(
    silences: Iterable[str] | None, faults: Iterable[str] | None, racks: int
) -> list[Timed]:
    """The options `--silence RACK[@SECONDS]` and `--fault NAME[:RACK][@SECONDS]`; UsageError if wrong."""
    plan = []
    for text in silences or ():
        found = re.fullmatch(r"([0-9]{1,4})(?:@([0-9]+(?:\.[0-9]+)?))?", text, re.ASCII)
        if found is None:
            raise UsageError(f"--silence is RACK or RACK@SECONDS, like 3@20; not '{text}'")
        rack = _rack(found[1], racks)
        plan.append(Timed("silent", rack, float(found[2] or 0)))
    for text in faults or ():
        found = re.fullmatch(
            r"([a-z_]+)(?::([0-9]{1,4}))?(?:@([0-9]+(?:\.[0-9]+)?))?", text, re.ASCII
        )
        if found is None:
            raise UsageError(
                f"--fault is NAME, NAME:RACK or NAME:RACK@SECONDS, like welded:3@20; not '{text}'"
            )
        plan.append(Timed(*_named(found[1], found[2], racks), float(found[3] or 0)))
    return plan


def start(plan: Iterable[Timed], faults: Faults) -> None:
    """Let each planned fault come at its time."""
    loop = asyncio.get_running_loop()
    for timed in plan:
        loop.call_later(timed.after, faults.add, timed.name, timed.rack)


def listen(faults: Faults, racks: int) -> None:
    """Obey words from standard input, in a thread that ends with the program."""
    loop = asyncio.get_running_loop()

    def hear() -> None:
        for line in sys.stdin:
            if not line.strip():
                continue
            try:
                act, answer = understood(line, faults, racks)
            except UsageError as error:
                err.print(str(error), markup=False)
                continue
            loop.call_soon_threadsafe(act)
            out.print(answer, markup=False)

    threading.Thread(target=hear, name="keyboard", daemon=True).start()


def understood(line: str, faults: Faults, racks: int) -> tuple[Callable[[], None], str]:
    """What a line means and what to answer; UsageError if it means nothing."""
    text = line.strip()
    if found := re.fullmatch(r"(stop|start) +([0-9]{1,4})", text, re.ASCII):
        rack, change = _rack(found[2], racks), faults.add if found[1] == "stop" else faults.clear
        return lambda: change("silent", rack), f"rack {rack}: {found[1]}"
    if found := re.fullmatch(r"(fault|clear) +([a-z_]+)(?: +([0-9]{1,4}))?", text, re.ASCII):
        name, rack = _named(found[2], found[3], racks)
        whose = FAULTS[name].target.value
        if FAULTS[name].target is Target.RACK:
            whose = f"rack {rack}" if rack else "all racks"
        if found[1] == "fault":
            return lambda: faults.add(name, rack), f"{whose}: {name}: {FAULTS[name].text}"
        return lambda: faults.clear(name, rack), f"{whose}: {name} is cleared"
    raise UsageError(f"'{text}' is neither {_VERBS.replace(', ', ' nor ', 1)}")


def _named(name: str, rack: str | None, racks: int) -> tuple[str, int]:
    """A fault that there is, of a rack that there is or of all."""
    if name not in FAULTS:
        raise UsageError(f"there is no fault '{name}'; there are {', '.join(FAULTS)}")
    if rack is None:
        return name, 0
    if FAULTS[name].target is not Target.RACK:
        raise UsageError(f"{name} is of the {FAULTS[name].target.value}: it takes no rack")
    return name, _rack(rack, racks)


def _rack(text: str, racks: int) -> int:
    if not 1 <= int(text) <= racks:
        raise UsageError(f"there is no rack {text}: racks go from 1 to {racks}")
    return int(text)
