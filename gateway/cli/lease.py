"""`essgw lease`: who commands a gateway; take it, keep it alive, give it back (R7, R8)."""

import json
import math
import signal
import time
from contextlib import suppress
from typing import Annotated

import typer

from gateway.cli.assignments import Assignment, check_names, places_of
from gateway.cli.operator import Done, Operator
from gateway.cli.screen import JsonOption, PathOption, out
from gateway.cli.served import (
    MapOption,
    Served,
    ServerArgument,
    TlsOption,
    UnitOption,
    plain_number,
    point_text,
    served,
)
from gateway.errors import LinkError, UsageError
from gateway.mapping.writable import Place

TermArgument = Annotated[
    str | None, typer.Argument(metavar="[SECONDS|release]", help="Without: show who has it.")
]
HoldOption = Annotated[
    bool, typer.Option("--hold", help="Keep it, with a heartbeat each second, until Ctrl-C.")
]
_BEAT = 1.0  # s, well within the 3 s after which the heartbeat counts as late (R10)
_TERM = 10
"Seconds of a lease that is held, where none are given: it ends soon after we do."
_SHOWN = ("lease_owner", "lease_remaining", "heartbeat_age", "local", "mode")
_COUNTS = 0x10000


def lease(  # noqa: PLR0913 - the options of the verb
    server: ServerArgument,
    term: TermArgument = None,
    *,
    hold: HoldOption = False,
    map_name: MapOption = "native",
    unit: UnitOption = 1,
    path: PathOption = None,
    tls: TlsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show, take, keep or give back the lease: who has it may command."""
    seconds = _seconds(term, hold=hold)
    with served(server, map_name, unit, path, tls=tls) as gateway:
        if seconds is not None:
            check_names(gateway.rows, ["lease", "ems_heartbeat"])
            holder = _Holder(gateway)
            holder.take(seconds)
            if hold:
                holder.keep(seconds)
        _show(gateway, as_json=as_json)


def _seconds(term: str | None, *, hold: bool) -> float | None:
    """What is to be written; None only shows."""
    if term is None:
        return _TERM if hold else None
    if term == "release":
        if hold:
            raise UsageError("--hold takes the lease; it cannot release it as well")
        return 0
    if not term.isdecimal() or not int(term):
        raise UsageError(f"'{term}' is neither whole seconds, from 1, nor 'release'")
    return int(term)


class _Holder:
    """Has the lease, or tries to."""

    def __init__(self, server: Served) -> None:
        self._server = server
        places = places_of(server.rows, server.layout, server.part)
        self._places: dict[str, Place] = {
            name: places[name, 0] for name in ("lease", "ems_heartbeat")
        }
        self._operator = Operator(server, 0, selects=False)

    def take(self, seconds: float) -> None:
        """Take, renew or give back; LinkError with why not."""
        done = self._written("lease", seconds)
        if done.failure:
            raise LinkError(done.failure)

    def keep(self, seconds: float) -> None:
        """Renew and beat each second until told to stop; then give it back."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        beat = int(self._server.value("ems_heartbeat") or 0)
        out.print(f"holds the lease, {seconds:g} s at a time; Ctrl-C gives it back", markup=False)
        try:
            while True:
                beat = (beat + 1) % _COUNTS
                self._written("ems_heartbeat", beat)
                self.take(seconds)
                time.sleep(_BEAT)
        except KeyboardInterrupt:
            with suppress(LinkError):
                self.take(0)

    def _written(self, name: str, value: float) -> Done:
        done = self._operator.write([Assignment(self._places[name], value)], looks=False)
        if name != "lease" and done.failure:
            raise LinkError(done.failure)
        return done


def _show(server: Served, *, as_json: bool) -> None:
    values = server.values(_SHOWN)
    told = {name: values[name].get(()) for name in _SHOWN if server.shows(name)}
    if as_json:
        typer.echo(json.dumps({name: plain_number(value) for name, value in told.items()}))
        return
    owner = told.get("lease_owner")
    if owner is None:
        out.print("the map does not show who has the lease", markup=False)
    elif not owner:
        out.print("nobody has the lease", markup=False)
    else:
        left = told.get("lease_remaining") or math.nan
        out.print(f"master {owner:.0f} of the site has the lease, {left:.0f} s left", markup=False)
    for name in _SHOWN[2:]:
        if name in told:
            out.print(f"  {name} {point_text(name, told[name])}", style="dim", markup=False)
