"""Whatever masters, racks, links and time do: the invariants of control hold in every cycle (DESIGN 6).

The normal run makes over 50,000 cycles, the long one (`make long`) over a million.
"""

import dataclasses
import math
import sys

from control.coils import NAMES, mended
from control.paper import CHIEF, EMS, PANEL, SCADA, SETTINGS, VIEWER, Paper
from control.witness import Witness, fresh_witness
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.control.interlock import INTERLOCKS, WATCHED
from gateway.control.settings import PcsPath
from gateway.model.command import INSTRUCTIONS, Reason
from gateway.model.point import Scope

RACKS = 3
MASTERS = st.sampled_from([EMS, EMS, EMS, SCADA, CHIEF, PANEL, VIEWER])
RACK = st.integers(1, RACKS)
WATTS = st.sampled_from([0.0, 50e3, -50e3, 400e3, -2000e3, math.inf, -math.inf, math.nan])
REPORTED = [row for row in INTERLOCKS if row.effects and (row.number <= 64 or row.name in WATCHED)]
CONSUMING = {"trip", "software_stop"}
SITES = [
    dataclasses.replace(
        SETTINGS, path=path, open_after_loss=opens, restarts=restarts, open_wait=3.0,
        connect_time=2.0, retry_wait=0.5, lockout=5.0, setpoint_life=8.0, drives_coils=coils,
        hold_after_loss=hold,
    )
    for path in (PcsPath.POLLS_US, PcsPath.WE_DRIVE)
    for opens, restarts, coils, hold in ((None, 0, False, 0.0), (6.0, 2, False, 3.0), (None, 0, True, 0.0))
]  # fmt: skip


class AnyHistory(RuleBasedStateMachine):
    """Commands by several masters, faults, silence, restarts and jumps of time, in any order."""

    cycles = 0
    "Of all histories."

    def __init__(self) -> None:
        super().__init__()
        self.witness: Witness | None = None
        self.tempo = 10

    @property
    def paper(self) -> Paper:
        """The container."""
        assert self.witness is not None
        return self.witness.paper

    @initialize(site=st.sampled_from(SITES), begun=st.sampled_from(["new", "leased", "running"]))
    def begin(self, site: object, begun: str) -> None:
        """At the start, with a lease and all racks open, or in run with power."""
        chosen = next(item for item in SITES if item is site)
        paper = Paper(count=RACKS, settings=chosen)
        paper.keeps_pcs = chosen.path is PcsPath.WE_DRIVE
        if begun == "leased":
            paper.adopted().write("lease", 3600)
            paper.beating = EMS
        self.witness = fresh_witness(paper.running(100e3) if begun == "running" else paper)

    @rule(tempo=st.sampled_from([0, 1, 10, 40]))
    def masters_are_faster_or_slower(self, tempo: int) -> None:
        """How many cycles pass between what happens."""
        self.tempo = tempo

    @invariant()
    def time_passes(self) -> None:
        """Cycle by cycle."""
        if self.witness is None:
            return
        for _ in range(self.tempo):
            self.witness.step()
        AnyHistory.cycles += self.tempo

    @rule(seconds=st.sampled_from([0.5, 1.5, 4.0, 15.0, 70.0]))
    def cycles_stall(self, seconds: float) -> None:
        """Time passes without a cycle; then one comes (R8)."""
        self.paper.now += seconds
        for rack in self.paper.racks:
            rack.limits_age += seconds if rack.silent or rack.mute else 0.0
        assert self.witness is not None
        self.witness.step()

    @rule(
        name=st.sampled_from(sorted(INSTRUCTIONS)),
        value=st.integers(0, 7),
        origin=MASTERS,
        rack=RACK,
    )
    def somebody_writes(self, name: str, value: int, origin: object, rack: int) -> None:
        """Any row, any small number."""
        self._write(name, float(value), origin, rack)

    @rule(watts=WATTS, origin=MASTERS, row=st.sampled_from(["power_setpoint", "reactive_setpoint", "charge_current_cap", "power_setpoint_percent"]))  # fmt: skip
    def somebody_dispatches(self, watts: float, origin: object, row: str) -> None:
        """Setpoints and caps."""
        value = abs(watts) / 1000 if row.endswith("cap") else watts
        self._write(row, value, origin, 1)

    @rule(origin=st.sampled_from([None, None, EMS, SCADA, PANEL]), rack=st.integers(0, RACKS))
    def somebody_connects(self, origin: object, rack: int) -> None:
        """Select and operate, a new value each time; None: who has the lease."""
        lease = self.paper.state.lease
        owner = EMS if lease is None else lease.owner
        master = next((item for item in SETTINGS.masters if item is origin), owner)
        name = "rack_connect" if rack else "connect"
        if self.paper.operate(name, master, rack).refusal is None:
            self.asks(rack)

    def consumed(self) -> None:
        """Whoever was asked to close is so no more."""
        assert self.witness is not None
        self.witness.asked.clear()

    def asks(self, rack: int) -> None:
        """A connect was accepted."""
        assert self.witness is not None
        self.witness.asked |= {rack} if rack else set(range(1, RACKS + 1))

    @rule(origin=st.sampled_from([None, EMS, SCADA]), asks=st.booleans())
    def somebody_is_alive(self, origin: object, *, asks: bool) -> None:
        """A master takes the lease and beats, or nobody does."""
        self.paper.beating = next((item for item in SETTINGS.masters if item is origin), None)
        self.paper.watts_asked = 80e3 if asks else None
        if self.paper.beating is not None:
            for name, value in (("lease", 60), ("charge_enable", 1), ("discharge_enable", 1)):
                self._write(name, value, self.paper.beating, 1)
            self._write("mode_request", 0, self.paper.beating, 1)
            self._write("mode_request", 4, self.paper.beating, 1)

    def _write(self, name: str, value: float, origin: object, rack: int) -> None:
        master = next(item for item in (*SETTINGS.masters, VIEWER) if item is origin)
        row = INSTRUCTIONS[name]
        before = self.paper.state
        admission = self.paper.write(name, value, master, rack if row.scope is Scope.RACK else 0)
        (verdict,) = admission.verdicts
        new = self.paper.state.sequence - before.sequence
        is_held = row.cyclic and verdict.accepted and verdict.reason is not Reason.NONE
        told = int(verdict.acts or not verdict.accepted)
        assert new in ({0, 1} if is_held else {told}) or new < 0
        assert not row.cyclic or verdict.accepted or master is VIEWER
        if verdict.accepted and verdict.acts and name in CONSUMING:
            self.consumed()
        if verdict.accepted and verdict.acts and name in {"connect", "rack_connect"}:
            self.asks(rack if name == "rack_connect" else 0)

    @rule(rack=RACK, what=st.sampled_from(["silent", "mute", "stuck", "welded"]), on=st.booleans())
    def a_rack_fails(self, rack: int, what: str, *, on: bool) -> None:
        """Or recovers."""
        setattr(self.paper.racks[rack - 1], what, on)

    @rule(rack=RACK, amperes=st.sampled_from([0.0, 0.0, 4.9, 5.0, -90.0, math.nan]), volts=st.sampled_from([1300.0, 1300.0, 1309.0, 1400.0, math.nan]))  # fmt: skip
    def a_rack_measures(self, rack: int, amperes: float, volts: float) -> None:
        """Currents and voltages, known or not."""
        self.paper.racks[rack - 1].current = amperes
        self.paper.racks[rack - 1].voltage = volts

    @rule(rack=RACK, connected=st.sampled_from([0.0, 1.0, math.nan]))
    def a_rack_moves_by_itself(self, rack: int, connected: float) -> None:
        """Its BMU opens or closes it, or does not know."""
        self.paper.racks[rack - 1].connected = connected

    @rule(
        rack=RACK, name=st.sampled_from(NAMES), where=st.sampled_from([0.0, 1.0]),
        how=st.sampled_from(["welded", "stuck", "hidden", ""]),
    )  # fmt: skip
    def a_contactor_fails(self, rack: int, name: str, where: float, how: str) -> None:
        """Where coils are driven: it moves by itself, does not any more, or is told no more (R31)."""
        coils = self.paper.racks[rack - 1].coils
        if coils is not None:
            kept = {how: getattr(coils, how) | {name}} if how else {name: where}
            self.paper.racks[rack - 1].coils = dataclasses.replace(coils, **kept)

    @rule(rack=RACK, seen=st.sampled_from([None, 0.0, 1274.0, 1290.0, 1300.0, math.nan]), resistor=st.booleans(), hasty=st.booleans())  # fmt: skip
    def a_bus_is_seen(self, rack: int, seen: float | None, *, resistor: bool, hasty: bool) -> None:
        """The voltage behind its contactors, right or wrong; a resistor breaks, a BMU knows better (R28)."""
        coils = self.paper.racks[rack - 1].coils
        if coils is not None:
            self.paper.racks[rack - 1].coils = dataclasses.replace(
                coils, seen=seen, has_resistor=resistor, hasty=hasty
            )

    @rule(rack=RACK, serial=st.sampled_from([7.0, 8.0, math.nan]))
    def a_rack_is_swapped(self, rack: int, serial: float) -> None:
        """Another one stands there, or it does not say who it is (R31)."""
        self.paper.racks[rack - 1].serial = serial

    @rule(rack=RACK, watts=st.sampled_from([None, None, 1e6, math.nan]), firmware=st.sampled_from([2.0, 3.0, math.nan]), rests=st.booleans())  # fmt: skip
    def a_rack_contradicts_itself(
        self, rack: int, watts: float | None, firmware: float, *, rests: bool
    ) -> None:
        """Its power, its firmware, its state of charge (R31, R42)."""
        self.paper.racks[rack - 1].watts, self.paper.racks[rack - 1].firmware = watts, firmware
        self.paper.resting = {rack: 2.75} if rests else {}

    @rule(
        amperes=st.sampled_from([0.0, 50.0, 300.0, 4000.0, math.nan]),
        other=st.sampled_from([0.0, 299.0, 300.0]),
    )
    def limits_change(self, amperes: float, other: float) -> None:
        """What the racks allow."""
        self.paper.amperes = (amperes, other)

    @rule(row=st.sampled_from(REPORTED), rack=RACK)
    def a_bmu_reports(self, row: object, rack: int) -> None:
        """An alarm, a trip, a threshold."""
        chosen = next(item for item in REPORTED if item is row)
        self.paper.report(chosen.name, rack if chosen.scope is Scope.RACK else 0)

    @rule(connects=st.booleans())
    def all_is_well(self, *, connects: bool) -> None:
        """Causes go, people release and reset; perhaps the EMS connects and asks for power."""
        self.paper.reported.clear()
        self.paper.resting.clear()
        for rack in self.paper.racks:
            rack.silent = rack.mute = rack.stuck = rack.welded = False
            rack.current, rack.voltage, rack.watts = 0.0, 1300.0, None
            rack.coils = rack.coils and mended(rack.coils)
        self.paper.plant = dataclasses.replace(self.paper.plant, journal_failed="", duplicate="")
        self.paper.pcs(dc_current=0.0, has_fault=False)
        self.paper.keeps_pcs = True
        self._write("local_key", 0, PANEL, 0)
        for name in ("trip_release", "alarm_reset"):
            self._write("lease", 60, PANEL, 0)
            for value in (0, 1):
                self._write(name, value, PANEL, 0)
            self.time_passes()
        self._write("lease", 0, PANEL, 0)
        self.somebody_is_alive(EMS, asks=True)
        if connects:
            self.time_passes()
            self.somebody_connects(EMS, 0)

    @rule(
        amperes=st.sampled_from([0.0, 5.0, 200.0, math.nan]),
        fault=st.booleans(),
        answers=st.booleans(),
    )
    def the_pcs_tells(self, amperes: float, *, fault: bool, answers: bool) -> None:
        """Its current, a fault, or nothing."""
        self.paper.pcs(dc_current=amperes, has_fault=fault)
        self.paper.keeps_pcs = answers

    @rule(duplicate=st.sampled_from(["", "0x123 on can0"]), journal=st.sampled_from(["", "full"]))
    def links_tell(self, duplicate: str, journal: str) -> None:
        """Another master on the bus, a full disk."""
        self.paper.plant = dataclasses.replace(
            self.paper.plant, duplicate=duplicate, journal_failed=journal
        )

    @rule()
    def the_gateway_restarts(self) -> None:
        """What is kept is restored; nobody has asked for anything (R14, R15)."""
        self.paper.restarted()
        self.consumed()
        assert self.witness is not None
        self.witness.coils.last.clear()


MOST, PER_EXAMPLE = 1800, 1.2
"Histories, of about 650 cycles each: at most, and for each example that hypothesis is to make."


class TestAnyHistory(AnyHistory.TestCase):  # type: ignore[valid-type,misc] # hypothesis makes it
    """All histories of a run, which must not be too short to mean anything."""

    settings = settings(
        stateful_step_count=60, max_examples=min(MOST, int(PER_EXAMPLE * settings().max_examples))
    )

    @classmethod
    def tearDownClass(cls) -> None:
        """Say how many cycles there were: more than 50,000, in a long run more than a million."""
        least = 1_000_000 if cls.settings.max_examples == MOST else 50_000
        sys.stdout.write(f"{AnyHistory.cycles} cycles\n")
        assert AnyHistory.cycles >= least, f"{AnyHistory.cycles} cycles, not {least}"
