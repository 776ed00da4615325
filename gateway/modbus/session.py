"""A connection as requests see it: who is behind it, and the pictures that it holds."""

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from gateway.mapping.image import Images
from gateway.model.command import NOBODY, Origin


@dataclass(slots=True)
class Session:
    """What a connection's requests have in common."""

    origin: Origin = NOBODY
    clock: Callable[[], float] = lambda: -math.inf
    is_read_only: bool = False
    "Whether it may write nothing, not even what is anybody's."
    is_denied: bool = False
    "Whether it may not even read: no role of its certificate is anybody's (MB-TCP-Security v36, R-23)."
    held: dict[Hashable, tuple[Images, float]] = field(default_factory=dict)
    "Of each unit whose reads come from one picture: that, and until when."

    def hold(self, unit: Hashable, images: Images, seconds: float) -> None:
        """Have the following reads of a unit come from these images for a while; 0 ends it."""
        if seconds > 0:
            self.held[unit] = images, self.clock() + seconds
        else:
            self.held.pop(unit, None)

    def picture(self, unit: Hashable) -> Images | None:
        """The images that a unit's reads are to come from; None: those of the moment."""
        found = self.held.get(unit)
        if found is None:
            return None
        images, until = found
        if self.clock() < until:
            return images
        del self.held[unit]
        return None
