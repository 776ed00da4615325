"""The connections of one listener: who may have one, and who makes room for whom (MSG V1.0b clause 4.2.1.1).

not on the allow-list               refused
its address has as many as it may   its own connection that was silent longest makes room: a master that was
                                    restarted is not locked out by what is left of it
all are taken                       of the ordinary addresses that have most connections, the one that was silent
                                    longest makes room; a priority one never
"""

from collections import Counter
from typing import Protocol

from gateway.mapping.listeners import Listening
from gateway.model.traffic import Counts

_QUIET = 60.0
"Seconds in which further refusals of an address are counted, not told."
_MOST_REFUSED = 1000
"Addresses whose refusals are remembered."


class Member(Protocol):
    """A connection, as its pool sees it."""

    host: str
    is_prior: bool
    used: float
    "When it was heard last."

    def dismiss(self, reason: str) -> None:
        """End it, for others."""


class Pool:
    """The connections of a listener."""

    def __init__(self, rules: Listening, counts: Counts) -> None:
        self._rules, self.counts = rules, counts
        self.members: set[Member] = set()
        self._told: dict[str, float] = {}

    def is_prior(self, host: str) -> bool:
        """Whether an address belongs to the priority pool."""
        return self._rules.is_prior(host)

    def refusal(self, host: str) -> str:
        """Why an address gets no connection; '' if it does, and then there is room for it."""
        if not self._rules.allows(host):
            self.counts.refused += 1
            return "not on the allow-list"
        own = [member for member in self.members if member.host == host]
        if len(own) >= self._rules.most_of_one:
            self._dismiss(own, f"a newer one of {host} takes its place")
        elif len(self.members) >= self._rules.most:
            ordinary = [member for member in self.members if not member.is_prior]
            if not ordinary:
                self.counts.refused += 1
                return f"all {self._rules.most} connections are taken by priority masters"
            counts = Counter(member.host for member in ordinary)
            most = max(counts.values())
            crowd = [member for member in ordinary if counts[member.host] == most]
            self._dismiss(crowd, f"{host} needs one of {self._rules.most} connections")
        return ""

    def _dismiss(self, among: list[Member], reason: str) -> None:
        oldest = min(among, key=lambda member: member.used)
        self.members.discard(oldest)
        self.counts.dismissed += 1
        oldest.dismiss(reason)

    def is_news(self, host: str, now: float) -> bool:
        """Whether a refusal of an address is worth a line in the log: once a minute."""
        if now - self._told.get(host, -_QUIET) < _QUIET:
            return False
        if len(self._told) >= _MOST_REFUSED:
            self._told.clear()
        self._told[host] = now
        return True
