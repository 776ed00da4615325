"""What a listener serves, and to whom."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.links.ration import Ration
from gateway.mapping.listeners import ANYBODY, Listening, UnknownUnit
from gateway.mapping.masters import Credential
from gateway.modbus.bank import Bank, Code
from gateway.model.command import NOBODY, Origin
from gateway.model.traffic import Counts

Settle = Callable[[Callable[[], None]], bool]
"Calls back once what was acknowledged so far is on disk; False where nothing has to be waited for."


@dataclass(frozen=True, slots=True)
class Service:
    """What a listener serves, and to whom."""

    units: Mapping[int, Bank]
    master: Callable[[str, Credential | None], Origin | None] = lambda *_: NOBODY
    "Who connects from an address, with or without a certificate; None: who may not even read."
    settle: Settle = lambda _: False
    look: Callable[[float], None] = lambda _: None
    "Called with the time of the loop before requests are answered."
    rules: Listening = ANYBODY
    counts: Counts = field(default_factory=Counts)
    "Of all listeners of a gateway together."
    ration: Ration = field(default_factory=Ration)
    "Of the log, by host or line."

    @property
    def unknown(self) -> Code | None:
        """What a request for a unit id is answered that nobody is behind."""
        return _UNKNOWN[self.rules.unknown_unit]


_UNKNOWN = {
    UnknownUnit.UNAVAILABLE: Code.PATH_UNAVAILABLE,
    UnknownUnit.NO_RESPONSE: Code.TARGET_SILENT,
    UnknownUnit.SILENT: None,
}


@dataclass(frozen=True, slots=True)
class Secured:
    """How a connection is secured, and who its certificate says is there."""

    version: str
    cipher: str
    credential: Credential

    @property
    def told(self) -> Mapping[str, str]:
        """For the log."""
        shown = self.credential
        return {"tls": self.version, "cipher": self.cipher, "role": shown.role, "name": shown.name}
