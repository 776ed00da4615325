"""A site file and certificates read again while the gateway runs: taken over as far as that is allowed (R18).

SIGHUP asks for it; it comes from who may signal the process, so from somebody on the machine.
"""

import asyncio
import fnmatch
from collections.abc import Callable, Mapping, Sequence

import structlog

from gateway.app import Runtime
from gateway.cli.changes import NEEDS, Change, Class, Version, changes, digest_of
from gateway.cli.kept import Kept, Start, kept_in, remedy_for
from gateway.errors import GatewayError, LinkError
from gateway.mapping.site import Site
from gateway.mapping.source import read_text
from gateway.model.event import KINDS, Event

log = structlog.get_logger()

Load = Callable[[], tuple[Site, Version]]
_LIVE = (
    "title", "containers/*/title", "containers/*/control/*", "faces/*/beyond_rating", "cycle",
    "stall_after",
)  # fmt: skip
"Keys that a running gateway can take over, where their class allows it; others wait for the next start."


class Reload:
    """What runs, and how to read again what ought to."""

    def __init__(self, runtime: Runtime, load: Load, start: Start) -> None:
        self._runtime, self._load, self._start = runtime, load, start
        self._version, self._seen = start.version, start.digest
        self._task: asyncio.Task[None] | None = None

    def started(self) -> None:
        """Write down what the start has taken over, and warn where that is not what the file says."""
        journal, start, file = self._runtime.journal, self._start, self._version.file
        if journal is None:
            return
        if kept_in(journal.restored()) != start.kept:
            text = "says something else than when this start began; start the gateway again"
            raise LinkError(f"the journal of {file} {text}")
        if start.lost:
            self._runtime.tell("settings_lost", start.lost)
        if start.unlike:
            detail = f"sha256 {start.digest}, {start.unlike}; say {remedy_for(file)}"
            self._runtime.tell("settings_unlike", detail)
        if Kept.of(self._version) != start.kept:
            last = "none" if start.kept is None else digest_of(start.kept.text)
            head = f"of {file}, sha256 {last} -> {self._version.digest}, at the start"
            self._keep(self._version, [head, *map(str, start.taken)])

    @property
    def is_reading(self) -> bool:
        """Whether the file is being read."""
        return self._task is not None and not self._task.done()

    def __call__(self) -> None:
        """Begin to read the file again; what comes of it is an event."""
        if not self.is_reading:
            self._task = asyncio.get_running_loop().create_task(self._read())

    def check(self) -> None:
        """Warn once when the file is not what runs any more."""
        try:
            digest = digest_of(read_text(self._version.file))
        except GatewayError as error:
            digest = str(error)
        if digest not in {self._seen, self._version.digest}:
            self._runtime.tell("settings_unlike", digest)
        self._seen = digest

    async def _read(self) -> None:
        await self._runtime.renew()
        try:
            site, found = await asyncio.to_thread(self._load)
        except (GatewayError, OSError) as error:
            self._runtime.tell("settings_refused", str(error).partition("\n")[0])
            return
        different = changes(self._version, found)
        if not different:
            self._keep(found, ())
            self._version = found
            log.info("settings_unchanged", file=str(found.file))
        elif reason := against(different):
            self._runtime.tell("settings_refused", reason)
        else:
            self._take(site, found, different)

    def _take(self, site: Site, found: Version, different: Sequence[Change]) -> None:
        """Take settings over once that is on disk (R41), if the plant is at rest then as it is now."""
        gateway, journal = self._runtime.gateway, self._runtime.journal
        needs_rest = different[0].reach is Class.THRESHOLDS

        def take() -> None:
            failed = "" if journal is None else journal.failed
            if failed or (needs_rest and not gateway.is_at_rest):
                self._runtime.tell(
                    "settings_refused", failed or "it needs a mode below run, and no current"
                )
                return
            gateway.retune(site)
            self._keep(found, ())
            log.info("settings_taken_over", changes=[*map(str, different)])
            self._version = found

        if journal is None or (needs_rest and not gateway.is_at_rest):
            take()
            return
        head = (
            f"of {found.file}, sha256 {self._version.digest} -> {found.digest}, asked for by SIGHUP"
        )
        ticket = self._write((head, *map(str, different)))
        journal.when_settled(ticket, take)

    def _write(self, details: Sequence[str], kept: Mapping[str, str] | None = None) -> int:
        """Have something about the site file on disk; the ticket."""
        journal, now = self._runtime.journal, asyncio.get_running_loop().time()
        events = [Event(KINDS["settings"], now, row="site", detail=text) for text in details]
        return 0 if journal is None else journal.write(events, kept)

    def _keep(self, version: Version, details: Sequence[str]) -> None:
        self._write(details, Kept.of(version).row)


def against(different: Sequence[Change]) -> str:
    """Why a running gateway cannot take changes over at all; '' if it can."""
    if different[0].reach is Class.TOPOLOGY:
        return f"{different[0].key} needs {NEEDS[Class.TOPOLOGY]}; stop the gateway first"
    late = [
        change.key
        for change in different
        if not any(fnmatch.fnmatchcase(change.key, live) for live in _LIVE)
    ]
    return f"{', '.join(late)} is taken over by the next start alone" if late else ""
