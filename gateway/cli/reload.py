"""A site file read again while the gateway runs: taken over as far as that is allowed (R18).

SIGHUP asks for it; it comes from who may signal the process, so from somebody on the machine.
"""

import asyncio
import fnmatch
import hashlib
from collections.abc import Callable, Sequence

import structlog

from gateway.app import Runtime
from gateway.cli.changes import NEEDS, Change, Class, Version, changes
from gateway.errors import GatewayError
from gateway.mapping.site import Site
from gateway.model.event import KINDS, Event

log = structlog.get_logger()

_KEPT = "site"
"Under which the journal keeps the hash of the file that was taken over last."
Load = Callable[[], tuple[Site, Version]]
_LIVE = ("title", "containers/*/title", "containers/*/control/*", "cycle", "stall_after")
"Keys that a running gateway can take over, where their class allows it; others wait for the next start."


class Reload:
    """What runs, and how to read again what ought to."""

    def __init__(self, runtime: Runtime, load: Load, version: Version) -> None:
        self._runtime, self._load, self._version = runtime, load, version
        self._seen = version.digest
        self._task: asyncio.Task[None] | None = None

    def started(self) -> None:
        """Write down that the file is another one than at the last start or reload, if it is."""
        journal, digest = self._runtime.journal, self._version.digest
        if journal is None or (last := journal.restored().get(_KEPT)) == digest:
            return
        text = f"of {self._version.file}, sha256 {last or 'none'} -> {digest}, at the start"
        event = Event(KINDS["settings"], asyncio.get_running_loop().time(), row="site", detail=text)
        journal.write([event], {_KEPT: digest})

    def __call__(self) -> None:
        """Begin to read the file again; what comes of it is an event."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._read())

    def check(self) -> None:
        """Warn once when the file is not what runs any more."""
        try:
            digest = hashlib.sha256(self._version.file.read_bytes()).hexdigest()
        except OSError as error:
            digest = str(error.strerror)
        if digest not in {self._seen, self._version.digest}:
            self._runtime.tell("settings_unlike", digest)
        self._seen = digest

    async def _read(self) -> None:
        try:
            site, found = await asyncio.to_thread(self._load)
        except GatewayError as error:
            self._runtime.tell("settings_refused", str(error).partition("\n")[0])
            return
        different = changes(self._version, found)
        if not different:
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
                    "settings_refused", failed or "it needs a mode below run, and zero power"
                )
                return
            gateway.retune(site)
            log.info("settings_taken_over", changes=[*map(str, different)])
            self._version = found

        if journal is None or (needs_rest and not gateway.is_at_rest):
            take()
            return
        head = f"of {found.file}, sha256 {self._version.digest} -> {found.digest}, by SIGHUP"
        now = asyncio.get_running_loop().time()
        events = [
            Event(KINDS["settings"], now, row="site", detail=text)
            for text in (head, *map(str, different))
        ]
        journal.when_settled(journal.write(events, {_KEPT: found.digest}), take)


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
