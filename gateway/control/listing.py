"""The list of alarms as registers show it: how many, and a line each of those that matter most (R39)."""

from collections.abc import Mapping

from gateway.control.alarms import ALARMS, Kind, Priority
from gateway.control.annunciator import Annunciator, Life, listed, unknown
from gateway.model.pack import Layout, Vector
from gateway.model.point import Kind as Sort
from gateway.model.point import Point, Scope

LINES = 32
"Alarms that are listed; there may be more."

# fmt: off
ALARM_POINTS = (
    Point("alarms_active", Scope.CONTAINER, "", "Alarms whose cause is there, shelved and suppressed ones too", Sort.COUNT),
    Point("alarms_unacknowledged", Scope.CONTAINER, "", "Alarms that nobody has acknowledged, gone ones too", Sort.COUNT),
    Point("alarms_shelved", Scope.CONTAINER, "", "Alarms that are shelved", Sort.COUNT),
    Point("alarm_flood", Scope.CONTAINER, "", "Whether there is a flood of alarms", Sort.STATE, states={0: "no", 1: "yes"}),
    Point("alarm_number", Scope.ALARM, "", "Which alarm", Sort.STATE, states={kind.number: kind.name for kind in ALARMS.values()}),
    Point("alarm_rack", Scope.ALARM, "", "Its rack; 0 the container", Sort.COUNT),
    Point("alarm_state", Scope.ALARM, "", "Where it is in its life", Sort.STATE, states={int(life): life.name.lower() for life in Life}),
    Point("alarm_priority", Scope.ALARM, "", "How soon somebody has to act", Sort.STATE, states={int(one): one.name.lower() for one in Priority}),
    Point("alarm_age", Scope.ALARM, "s", "Time since it came, or went"),
    Point("alarm_count", Scope.ALARM, "", "How often it has come since it was settled last", Sort.COUNT),
)
# fmt: on


def list_alarms(
    values: Vector, layout: Layout, state: Annunciator, kinds: Mapping[int, Kind], now: float
) -> None:
    """Write the points into a vector."""
    alarms = state.alarms.values()
    first = layout.first("alarms_active")
    values[first : first + 4] = (
        sum(alarm.is_active for alarm in alarms), len(unknown(state)),
        sum(bool(alarm.shelved_by) for alarm in alarms), state.is_flood,
    )  # fmt: skip
    first = layout.first("alarm_number")
    for place, line in enumerate(listed(state, kinds)[:LINES], first):
        values[place : place + 6 * LINES : LINES] = (
            *line.key, line.life, line.kind.priority, now - line.alarm.since, line.alarm.count,
        )  # fmt: skip
