"""Everything that one run measured, in one place, and the figures that several pages need of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.canpath import Path
from bench.cycle import Cycle
from bench.decode import Decoding
from bench.latency import Latency
from bench.limits import Passed
from bench.masters import Answered, Mode
from bench.opens import Opens
from bench.request import Piece
from bench.restart import Restarts
from bench.secured import Cost
from bench.serve import Served, Serving
from bench.startup import Start
from bench.stops import OnBus
from bench.timing import Spread
from bench.together import Together

OURS, OURS_ASYNCIO = "ess-gateway, uvloop", "ess-gateway, asyncio"
LIMIT, LIBMODBUS = "C epoll (limit)", "libmodbus, select"
PYMODBUS = "pymodbus, asyncio"


@dataclass(slots=True)
class Results:
    """One run, part by part; a part that was not measured is empty."""

    decodings: Sequence[Decoding] = ()
    paths: Sequence[Path] = ()
    cycle: Cycle | None = None
    serving: Serving | None = None
    pieces: Sequence[Piece] = ()
    secured: Sequence[Cost] = ()
    together: Sequence[Together] = ()
    noise: Sequence[Answered] = ()
    latencies: Sequence[Latency] = ()
    on_bus: OnBus | None = None
    opens: Opens | None = None
    passed: Sequence[Passed] = ()
    restarts: Restarts | None = None
    starts: Sequence[Start] = ()

    @property
    def _servers(self) -> Mapping[str, Mapping[Mode, Served]]:
        return {} if self.serving is None else self.serving.served

    def served(self, server: str, connections: int, outstanding: int) -> Served | None:
        """How a server did with requests of 125 registers; None where it is absent."""
        mode = Mode(connections, outstanding)
        return self._servers.get(server, {}).get(mode)

    def faster(self, other: str, connections: int, outstanding: int = 1) -> Spread | None:
        """Our requests a second on uvloop over another server's; None where it is absent."""
        ours = self.served(OURS, connections, outstanding)
        theirs = self.served(other, connections, outstanding)
        return over(ours.req_s, theirs.req_s) if ours and theirs else None

    def costlier(self, server: str, connections: int) -> Spread | None:
        """CPU a request of a server of ours over the bare C server's."""
        ours, bare = self.served(server, connections, 1), self.served(LIMIT, connections, 1)
        return over(ours.cpu, bare.cpu) if ours and bare else None

    def errors(self) -> int:
        """Wrong, late or lost responses of ours, over all modes and rounds."""
        mine = [modes for name, modes in self._servers.items() if "ess" in name]
        return sum(served.errors for modes in mine for served in modes.values())


def over(one: Spread, other: Spread) -> Spread:
    """Median over median, best over best."""
    return Spread(one.median / other.median, one.best / other.best)
