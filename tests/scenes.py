"""A site at work on a capture, read at any moment."""

from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.app import ContainerState, Gateway
from gateway.links.replay import Replayed, feeds, replayed
from gateway.mapping.library import Library
from gateway.mapping.site import load_site
from gateway.model.quality import Detail


class Scene:
    """A replay that moves on to the moments it is asked for, in rising order."""

    def __init__(self, library: Library, site: str, logs: list[tuple[str, Path]]) -> None:
        loaded = load_site(library, site)
        self.gateway = Gateway(loaded, "replay")
        self._frames: Iterator[Replayed] = replayed(feeds(logs, loaded.buses))
        self._next = next(self._frames, None)
        self.clock = self._last = 0.0

    def at(self, seconds: float) -> "Scene":
        """Move on, frames at that moment included."""
        while self._next is not None and self._next.time <= seconds:
            self._last = self._next.time
            for bus in self._next.buses:
                self.gateway.receive(bus, self._next.frame)
            self._next = next(self._frames, None)
        self.clock = seconds
        for state in self.gateway.containers.values():
            state.freeze(seconds, int(seconds))
        return self

    def end(self) -> "Scene":
        """Move on to the last frame."""
        while self._next is not None:
            self.at(self._next.time + 1)
        return self.at(self._last)

    @property
    def pack(self) -> ContainerState:
        """The only container."""
        return self.gateway.containers["pack"]

    def good(self, *points: str) -> dict[str, float]:
        """The values of some points of the pack, which must be good, rounded to 9 digits."""
        snapshot = self.pack.snapshot
        for point in points:
            detail = Detail(int(snapshot.quality_of(point).ravel()[0]))
            assert detail is Detail.NONE, f"{point} is {detail.name} at {self.clock}"
        return {point: round(float(snapshot[point].ravel()[0]), 9) for point in points}

    def detail(self, point: str) -> Detail:
        """Why a value of the pack is not good."""
        return Detail(int(self.pack.snapshot.quality_of(point).ravel()[0]))


StartScene = Callable[..., Scene]
