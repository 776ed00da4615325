"""What reasons and stages of commands say to who gets them: one row each, for `essgw write` and the manual."""

from collections.abc import Mapping

from gateway.model.command import Reason, Stage

REASONS: Mapping[Reason, str] = {
    Reason.NOT_SUPPORTED: "there is nothing here that does this",
    Reason.SWITCHING_HIERARCHY: "the local key is turned to the other side",
    Reason.SELECT_FAILED: "the select was refused",
    Reason.INVALID_POSITION: "no rack that is meant can do it: disabled, or on its way already",
    Reason.POSITION_REACHED: "it is so already",
    Reason.BLOCKED_BY_MODE: "not in this mode",
    Reason.BLOCKED_BY_PROCESS: "the PCS runs, a voltage does not match, or a rack did not follow",
    Reason.BLOCKED_BY_INTERLOCKING: "an interlock stands against it",
    Reason.IN_EXECUTION: "it is under way already",
    Reason.BLOCKED_BY_HEALTH: "the equipment is not well",
    Reason.ABORTED_BY_CANCEL: "it was taken back",
    Reason.TIME_LIMIT_OVER: "it took too long",
    Reason.TRIPPED: "an interlock tripped meanwhile",
    Reason.NOT_SELECTED: "it was not selected before",
    Reason.NO_AUTHORITY: "nobody has the lease, or the role is too low, or another one tripped",
    Reason.COMMUNICATION_LOST: "the EMS heartbeat is lost",
    Reason.BLOCKED_BY_COMMAND: "another command overtook it",
    Reason.NONE: "nothing is against it",
    Reason.INCONSISTENT_PARAMETERS: "its values contradict each other",
    Reason.LOCKED_BY_OTHER: "another master has the lease",
}
STAGES: Mapping[Stage, str] = {
    Stage.NONE: "no command yet",
    Stage.ADMITTED: "taken; waits for its turn",
    Stage.RELEASED: "orders are out",
    Stage.OK: "done, and seen done",
    Stage.NOK: "the plant did something else",
    Stage.TIMEOUT: "not done in time",
    Stage.REFUSED: "not taken",
    Stage.ABORTED: "overtaken by a trip, a stop or a contrary command",
    Stage.HELD: "a cyclic value that is taken but not applied",
}
FINAL = frozenset({Stage.OK, Stage.NOK, Stage.TIMEOUT, Stage.REFUSED, Stage.ABORTED, Stage.HELD})
"Stages that a command does not leave any more."


def reason_named(number: float | None) -> str:
    """A reason as people read it: its AddCause number and its words."""
    if number is None or int(number) not in set(Reason):
        return "" if number is None else f"{number:.0f}"
    reason = Reason(int(number))
    return f"{reason.value} {reason.name.lower().replace('_', ' ')}: {REASONS[reason]}"


def stage_named(number: float | None) -> str:
    """A stage as people read it."""
    known = number is not None and int(number) in set(Stage)
    return Stage(int(number)).name.lower() if known and number is not None else "unknown"
