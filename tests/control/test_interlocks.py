"""The interlock chain: every row forced once, with its effects and no others (R23-R25, R34, R35, R41, R42)."""

import dataclasses

import pytest
from control.forced import COMPANY, FORCED, POWER, forced
from control.paper import CYCLE, EMS, SETTINGS, Paper

from gateway.control.interlock import BY_NAME, INTERLOCKS, Effect, Interlock
from gateway.control.limit import Limiter
from gateway.control.settings import PcsPath
from gateway.control.state import Phase
from gateway.model.command import Reason
from gateway.model.point import Scope

ACTING = [row for row in INTERLOCKS if row.effects]


@pytest.mark.parametrize("row", ACTING, ids=lambda row: row.name)
def test_each_row_has_its_effects_and_no_others(row: Interlock) -> None:
    """Forced once in run: it trips, alone, and does what its row says (R23, R24, CMD-02, CMD-10)."""
    paper = forced(row)
    rack = int(row.scope is Scope.RACK)
    company = COMPANY.get(row.name, set())
    names = {name for name, _ in paper.tripped}
    effects = row.effects
    for name in names:
        effects |= BY_NAME[name].effects
    gone = row.name in {"contactor_mismatch", "never_heard"}  # that rack does not conduct

    assert (row.name, rack) in paper.tripped
    assert names <= {row.name} | company
    _check_power(paper, Effect.NONE if gone and row.name == "contactor_mismatch" else effects)
    assert paper.state.runs is (paper.mode.name == "RUN" and not effects & Effect.STOP_PCS)
    opens = {item.phase for item in paper.state.racks} & {Phase.UNLOADING, Phase.OPENING}
    assert bool(opens) is bool(effects & Effect.OPEN)
    first = paper.state.first_out
    if effects & Effect.LATCH:
        assert first is not None
        assert (first.number, first.rack) == (row.number, rack)
    else:
        assert first is None


def _check_power(paper: Paper, effects: Effect) -> None:
    charge, discharge = paper.allowed.charge, paper.allowed.discharge
    inhibits = (effects & Effect.INHIBIT_CHARGE, effects & Effect.INHIBIT_DISCHARGE)
    assert charge.inhibited is bool(inhibits[0] or effects & POWER)
    assert discharge.inhibited is bool(inhibits[1] or effects & POWER)
    if effects & Effect.DERATE:
        assert charge.amperes == discharge.amperes == 150
        assert discharge.bound_by is Limiter.INTERLOCK


@pytest.mark.parametrize("row", ACTING, ids=lambda row: row.name)
def test_each_row_blocks_closing_where_it_says_so(row: Interlock) -> None:
    """Connect is refused with the row's name; without the effect it is not (R23, CMD-02)."""
    drives = row.name.startswith(("pcs", "bus_inc"))
    path = PcsPath.WE_DRIVE if drives else PcsPath.POLLS_US
    paper = Paper(settings=dataclasses.replace(SETTINGS, path=path)).adopted()
    paper.keeps_pcs = drives and row.name != "pcs_lost"
    paper.run(CYCLE)
    paper.write("lease", 3600)
    paper.beating = EMS
    paper.beat()
    if row.name == "contactor_mismatch":
        paper.racks[0].connected = 1.0
        paper.racks[0].welded = True
        paper.run(4)
    elif row.name in FORCED:
        force, wait = FORCED[row.name]
        paper.keeps_pcs = drives and row.name == "bus_inconsistent"
        force(paper)
        paper.run(wait + CYCLE)
    else:
        paper.report(row.name, int(row.scope is Scope.RACK), 7.0)
        paper.run(CYCLE)
    if row.name == "limits_stale":
        return  # an open rack may be silent about its limits for a while
    refusal = paper.operate("rack_connect", rack=1).refusal

    assert (refusal is not None) is bool(row.effects & (Effect.BLOCK_CLOSE | Effect.OPEN))
    if refusal is not None:
        assert refusal.detail in {row.name, *COMPANY.get(row.name, ())}
        assert refusal.reason in {Reason.BLOCKED_BY_INTERLOCKING, Reason.BLOCKED_BY_MODE}
        paper.run(1)
        assert paper.ordered(1) == 0
