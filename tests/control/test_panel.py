"""What control shows: every point filled, and no published number moves (X4)."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from control.paper import EMS, PANEL, SCADA, SETTINGS, Paper

from gateway.control.interlock import INTERLOCKS, WATCHED
from gateway.control.limit import Limiter
from gateway.control.panel import PANEL as POINTS
from gateway.control.panel import (
    RESULTS,
    SUMMARY,
    Shown,
    _container,
    panel_layout,
    picture,
    withheld,
)
from gateway.control.settings import Threshold
from gateway.control.state import Mode, Phase, Wait
from gateway.model.command import INSTRUCTIONS, Reason, Stage
from gateway.model.event import KINDS
from gateway.model.pack import Snapshot, Topology
from gateway.model.point import Kind
from gateway.model.quality import Detail

GOLDEN = Path(__file__).parent / "published.txt"
"Written anew by `python -m control.test_panel` in tests/; a line that changes or goes breaks masters."


def published() -> list[str]:
    """Every number that masters may have learnt."""
    lists = {
        "instruction": {row.number: name for name, row in INSTRUCTIONS.items()},
        "interlock": {row.number: row.name for row in INTERLOCKS},
        "event": {kind.number: name for name, kind in KINDS.items()},
        "summary": dict(enumerate(SUMMARY)),
        **{
            kind.__name__.lower(): {int(item): item.name.lower() for item in kind}
            for kind in (Limiter, Stage, Reason, Phase, Wait, Mode)
        },
    }
    return [
        f"{what} {number} {name}"
        for what, names in lists.items()
        for number, name in sorted(names.items())
    ]


@pytest.mark.parametrize(
    ("point", "number", "text"),
    [
        ("rack_phase", 4, "closed"),
        ("rack_wait", 3, "voltage"),
        ("result_stage", 4, "nok"),
        ("power_limited_by", 0, "nothing"),
    ],
)
def test_states_have_the_texts_of_their_numbers(point: str, number: int, text: str) -> None:
    """As people read them."""
    assert POINTS[point].states[number] == text


def test_no_published_number_has_moved() -> None:
    """Instructions, interlocks, events, limiters, stages, reasons, phases, waits, modes, summary bits."""
    known = GOLDEN.read_text().splitlines()

    assert [line for line in known if line not in published()] == []
    assert published() == known, "new numbers are added to published.txt with the change"


def shown(paper: Paper) -> Snapshot:
    """What control shows of a container on paper."""
    about = Shown(
        paper.state, paper.facts(), paper.allowed, paper.settings, boot=7, warnings=1, alarms=0,
        is_live=paper.plant.is_live, journal_failed=bool(paper.plant.journal_failed),
    )  # fmt: skip
    return picture(panel_layout(Topology(len(paper.racks))), about, paper.now)


def busy() -> Paper:
    """A container of which everything can be told."""
    thresholds = tuple(Threshold(row.name, 12.5) for row in INTERLOCKS if row.name in WATCHED)
    paper = Paper(settings=dataclasses.replace(SETTINGS, thresholds=thresholds)).running(100e3)
    paper.write("reactive_setpoint", 20e3)
    paper.report("bmu_trip_soc_high", 2, 96.5)
    paper.run(0.5)
    for row in INSTRUCTIONS.values():
        rack = {"rack": 1}.get(row.scope.name.lower(), 0)
        paper.state = dataclasses.replace(
            paper.state, written={**paper.state.written, (row.name, rack): 3.0}
        )
    return paper


def test_blocks_are_written_in_the_order_of_the_table() -> None:
    """Container, racks, results and interlocks each go in one write from their first point on."""
    paper, names = busy(), list(POINTS)
    about = Shown(paper.state, paper.facts(), paper.allowed, paper.settings)
    told = list(_container(about, paper.now))
    first = names.index("mode")

    assert names[first : first + len(told)] == told
    for start, after in (
        (
            "result_sequence",
            [
                "command",
                "rack",
                "origin",
                "stage",
                "reason",
                "age",
                "requested",
                "applied",
                "first_out",
            ],
        ),
        ("interlock_tripped", ["cause", "rack", "value", "threshold", "age"]),
        ("rack_phase", ["wait", "tries", "enabled", "effects", "openings_under_load"]),
    ):
        place, scope = names.index(start), start.partition("_")[0]
        block = names[place + 1 : place + 1 + len(after)]
        assert block == [f"{scope}_{name}" for name in after]


UNKNOWN = {f"interlock_{part}" for part in ("rack", "value", "threshold", "age")} | {
    f"alarm_{part}" for part in ("number", "rack", "state", "priority", "age", "count")
}
"While interlocks stand, or are fitted; of alarms there are fewer than lines."


def test_every_point_is_filled() -> None:
    """And is good where it has a value, not available where it has none."""
    panel = shown(busy())
    empty = {name for name in POINTS if np.isnan(panel[name]).all()}

    assert {name for name in empty if not name.startswith("event_")} == set()
    for name in set(POINTS) - UNKNOWN - empty - {row.name for row in INSTRUCTIONS.values()}:
        assert not np.isnan(panel[name]).any(), name
    assert ((panel.quality == Detail.NOT_AVAILABLE) == np.isnan(panel.values)).all()
    assert np.isfinite(panel.values[~np.isnan(panel.values)]).all()
    assert not panel.values.flags.writeable


def test_it_shows_what_is() -> None:
    """Numbers of a container at work, one by one."""
    paper = busy()
    panel = shown(paper)
    expected = {
        "mode": 4, "boot": 7, "local": 0, "lease_owner": 1, "charge_permitted": 0,
        "discharge_permitted": 1, "discharge_current_allowed": 300, "charge_bound_by": 5,
        "discharge_bound_by": 2, "charge_current_allowed": 0, "charge_power_allowed": 0,
        "discharge_power_allowed": 390e3, "power_requested": 100e3, "power_applied": 100e3,
        "power_limited_by": 0, "reactive_requested": 20e3, "reactive_applied": 20e3,
        "reactive_limited_by": 0, "pcs_run": 1, "first_out_rack": 2, "first_out_value": 96500,
        "interlocks_tripped": 1, "resets_needed": 1, "summary": 0b1101,
    }  # fmt: skip

    assert {name: float(panel[name]) for name in expected} == expected
    assert float(panel["mode_age"]) == pytest.approx(paper.now - paper.state.mode_since)
    assert float(panel["first_out_age"]) == pytest.approx(0.48)
    assert float(panel["reactive_remaining"]) == pytest.approx(4.5)
    assert 4 <= float(panel["power_remaining"]) <= 5
    assert float(panel["heartbeat_age"]) < 1
    assert paper.state.lease is not None
    assert float(panel["lease_remaining"]) == pytest.approx(paper.state.lease.until - paper.now)


def test_interlocks_are_indexed_by_their_number() -> None:
    """With cause, rack, value, age; of several racks the first."""
    paper = busy()
    paper.report("bmu_trip_soc_high", 1, 97.0)
    paper.run(0.1)
    paper.clear("bmu_trip_soc_high", 2)
    paper.clear("bmu_trip_soc_high", 1)
    paper.report("soc_low", 3, 2.0)
    paper.step()
    panel = shown(paper)
    place = next(row.number for row in INTERLOCKS if row.name == "bmu_trip_soc_high") - 1
    low = next(row.number for row in INTERLOCKS if row.name == "soc_low") - 1

    assert panel["interlock_tripped"].sum() == 2
    for at, told in ((place, (1, 0, 1, 97.0)), (low, (1, 1, 3, 2.0))):
        assert (
            panel["interlock_tripped"][at], panel["interlock_cause"][at],
            panel["interlock_rack"][at], panel["interlock_value"][at],
        ) == told  # fmt: skip
    assert panel["interlock_age"][place] == pytest.approx(0.1)
    assert panel["interlock_threshold"][low] == 12.5
    assert math.isnan(panel["interlock_threshold"][place])
    assert panel["rack_effects"].tolist() == [129, 129, 2]


def test_results_are_shown_from_the_latest() -> None:
    """Four of them, with the number of the master."""
    paper = Paper().connected()
    paper.write("lease", 0)
    paper.write("lease", 60, SCADA)
    paper.write("trip_release", 3, PANEL)
    paper.run(0.1)
    panel = shown(paper)

    assert panel["result_sequence"].tolist() == [item.sequence for item in paper.state.results[:4]]
    assert panel["result_command"].tolist()[:3] == [32, 10, 10]
    assert panel["result_origin"].tolist()[:3] == [4, 2, 1]
    assert panel["result_stage"].tolist()[:3] == [Stage.REFUSED, Stage.OK, Stage.OK]
    assert panel["result_reason"].tolist()[:2] == [Reason.POSITION_REACHED, Reason.NONE]
    assert panel["result_rack"].tolist()[0] == 0
    assert panel["result_requested"].tolist()[:3] == [
        item.value for item in paper.state.results[:3]
    ]
    assert panel["result_applied"].tolist()[:3] == [0, *panel["result_requested"].tolist()[1:3]]
    assert panel["result_first_out"].tolist()[:2] == [0, 0]
    assert panel["result_age"][0] == pytest.approx(0.1)
    assert len(panel["result_sequence"]) == RESULTS


def test_racks_are_shown() -> None:
    """Phase, wait, tries, enabled, effects, openings under load."""
    paper = Paper().connected()
    paper.write("rack_disable", 1, rack=2)
    paper.run(2)
    panel = shown(paper)

    assert panel["rack_phase"].tolist() == [4, 1, 4]
    assert panel["rack_wait"].tolist() == [0, Wait.DISABLED, 0]
    assert panel["rack_enabled"].tolist() == [1, 0, 1]
    assert panel["rack_tries"].tolist() == [0, 0, 0]
    assert panel["rack_openings_under_load"].tolist() == [0, 0, 0]
    assert panel["rack_disable"].tolist()[1] == 1


def test_nothing_is_shown_before_anything_was() -> None:
    """A fresh container: zeros where 0 says so, no value where there is none."""
    panel = shown(Paper().adopted())

    for name in ("lease_owner", "lease_remaining", "first_out", "first_out_rack", "pcs_run"):
        assert panel[name] == 0
    for name in ("heartbeat_age", "power_requested", "power_remaining", "first_out_value"):
        assert math.isnan(float(panel[name]))
    assert np.isnan(panel["result_sequence"]).all()
    assert panel["interlock_tripped"].sum() == 0
    assert not np.isnan(panel["interlock_cause"]).any()


@pytest.mark.parametrize(
    ("change", "bit"),
    [
        ({"duplicate": "0x1"}, 2), ({"journal_failed": "full"}, 7), ({"is_live": False}, 6),
        ({"journal_failed": "full"}, 3),
    ],
)  # fmt: skip
def test_summary_bits(change: dict[str, object], bit: int) -> None:
    """Warning, alarm, trip, derate, bypass, force, not live, journal failed."""
    paper = Paper().connected()
    before = int(shown(paper)["summary"])
    paper.plant = dataclasses.replace(paper.plant, **change)  # type: ignore[arg-type] # its fields
    paper.step()

    assert before == 1
    assert int(shown(paper)["summary"]) >> bit & 1


def test_what_is_withheld_lets_nothing_through() -> None:
    """On a face that must not: limits, permissions, power and run read 0 (R35)."""
    panel = withheld(shown(Paper().running(100e3)))
    names = {name for name, point in POINTS.items() if point.kind is Kind.LIMIT}

    assert len(names) == 4
    for name in names | {
        "charge_permitted",
        "discharge_permitted",
        "power_applied",
        "reactive_applied",
        "pcs_run",
    }:
        assert panel[name] == 0
    assert panel["power_requested"] == 100e3
    assert not panel.values.flags.writeable


def test_the_pcs_is_not_shown_running_against_a_stop() -> None:
    """Where it polls us, this is its command (R12, R21)."""
    paper = Paper().running(100e3)
    running = float(shown(paper)["pcs_run"])
    for rack in paper.racks:
        rack.silent = True
    paper.step()

    assert (running, float(shown(paper)["pcs_run"])) == (1, 0)
    assert paper.beating is EMS


if __name__ == "__main__":
    GOLDEN.write_text("\n".join(published()) + "\n")
