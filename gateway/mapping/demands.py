"""What a message row demands of its signals and of its identifier."""

from collections.abc import Mapping, Sequence

from gateway.canbus.signal import Signal
from gateway.mapping.fields import Placed
from gateway.mapping.schema.frames import MessageRow
from gateway.mapping.soundness import counted, named
from gateway.mapping.source import Location, Source, did_you_mean
from gateway.model.point import Point, Scope


def need_rack(placed: Sequence[Placed], points: Mapping[str, Point]) -> bool:
    """Whether some signal belongs to a rack without saying which: then the identifier must."""
    for part in placed:
        scopes = {points[name].scope for name in named(part.row) if name in points}
        scopes -= {Scope.CONTAINER}
        told = "rack" in counted(part.row) or "rack" in part.captured
        if (scopes or part.row.alarms) and not told:
            return True
    return False


def check_required(
    source: Source, at: Location, row: MessageRow, placed: Sequence[Placed],
    signals: Mapping[str, Signal],
) -> None:  # fmt: skip
    """What is required must be mapped, and be in every frame."""
    rows = {part.signal.name: part.row for part in placed}
    for name in row.require:
        signal, mapped = signals.get(name), rows.get(name)
        if signal is None:
            text, remedy = f"no signal '{name}' here", did_you_mean(name, signals)
        elif signal.when or mapped is None or not (mapped.point or mapped.alarms):
            text = f"'{name}' carries no point in every frame"
            remedy = "require one that does, or use valid_when:"
        else:
            continue
        source.report((*at, "require"), text, remedy)
