"""A frame file of a few lines, at work in a container, or refused."""

import dataclasses
import textwrap
from pathlib import Path

import pytest

from gateway.app import ContainerState, Gateway
from gateway.canbus.frame import Frame, identifier_text, key_of
from gateway.errors import MappingError
from gateway.mapping.library import Library
from gateway.mapping.site import Site, load_site
from gateway.model.quality import Detail

SITE = """
site: test
buses:
  can0: {{interface: virtual}}
  can1: {{interface: virtual}}
containers:
  - name: pack
    topology: {topology}
    sources:
      {sources}
"""


def spoken(
    folder: Path, frames: str, topology: str = "{racks: 1}",
    sources: str = "- {frames: frames, bus: can0}",
) -> Site:  # fmt: skip
    """A site whose racks speak a protocol."""
    (folder / "frames.yaml").write_text(textwrap.dedent(frames))
    site = folder / "site.yaml"
    site.write_text(SITE.format(topology=topology, sources=sources))
    return load_site(Library(), str(site))


def problems(
    folder: Path, frames: str, topology: str = "{racks: 1}",
    sources: str = "- {frames: frames, bus: can0}",
) -> list[str]:  # fmt: skip
    """What a site and its protocol are refused for, line by line."""
    with pytest.raises(MappingError) as refusal:
        spoken(folder, frames, topology, sources)
    return lines(refusal.value)


def lines(error: MappingError) -> list[str]:
    """Problems as a user reads them, without folders; each fits on a line."""
    told = [
        str(dataclasses.replace(problem, file=Path(problem.file).name))
        for problem in error.problems
    ]
    assert all(len(line.splitlines()) == 1 for line in told)
    return told


class Pack:
    """A site at work."""

    def __init__(self, site: Site) -> None:
        self._gateway = Gateway(site)
        self._state: ContainerState = self._gateway.containers[site.containers[0].name]

    def take(
        self, identifier: int, payload: str, bus: str = "can0", *, extended: bool = False,
        at: float = 0.0,
    ) -> "Pack":  # fmt: skip
        """Take a frame."""
        key = key_of(identifier, extended=extended or identifier > 0x7FF)
        self._gateway.receive(bus, Frame(at, key, bytes.fromhex(payload)))
        return self

    def identifiers(self, bus: str = "can0") -> list[str]:
        """What is listened for."""
        messages = self._state.container.messages.get(bus, ())
        return [identifier_text(message.key) for message in messages]

    def values(self, point: str, at: float = 0.0) -> list[float | None]:
        """A point's values in order, each rounded to 9 digits; None for what is not good."""
        snapshot = self._state.freeze(at, 0)
        pairs = zip(snapshot[point].ravel(), snapshot.quality_of(point).ravel(), strict=True)
        return [None if quality else round(float(value), 9) for value, quality in pairs]

    def value(self, point: str, at: float = 0.0) -> float | None:
        """The value of a point that there is once."""
        (value,) = self.values(point, at)
        return value

    def detail(self, point: str, at: float = 0.0) -> Detail:
        """The quality of a point that there is once."""
        (quality,) = self._state.freeze(at, 0).quality_of(point).ravel()
        return Detail(int(quality))
