"""Everything that one run measured, in one place, and the figures that several pages need of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.canpath import Path
from bench.cycle import Cycle
from bench.decode import Decoding
from bench.latency import Latency
from bench.masters import Answered, Mode
from bench.serve import Served, Serving
from bench.startup import Start
from bench.timing import Spread
from bench.together import Together

OURS, OURS_ASYNCIO = "ess-gateway, uvloop", "ess-gateway, asyncio"
LIMIT, LIBMODBUS = "C epoll (limit)", "libmodbus, select"
PYMODBUS = "pymodbus, asyncio"


@dataclass(frozen=True, slots=True)
class Results:
    """One run of everything."""

    decodings: Sequence[Decoding]
    paths: Sequence[Path]
    cycle: Cycle
    serving: Serving
    together: Sequence[Together]
    noise: Sequence[Answered]
    latencies: Sequence[Latency]
    starts: Sequence[Start]

    def served(self, server: str, connections: int, outstanding: int) -> Served | None:
        """How a server did with requests of 125 registers; None where it is absent."""
        mode = Mode(connections, outstanding)
        return self.serving.served.get(server, {}).get(mode)

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
        mine = [name for name in self.serving.served if "ess" in name]
        return sum(s.errors for name in mine for s in self.serving.served[name].values())


def over(one: Spread, other: Spread) -> Spread:
    """Median over median, best over best."""
    return Spread(one.median / other.median, one.best / other.best)
