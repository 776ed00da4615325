"""Who gets a connection, and who makes room (MB-27): one look at one pool."""

import ipaddress
from dataclasses import dataclass, field

import pytest

from gateway.links.pool import Pool
from gateway.mapping.listeners import Listening
from gateway.model.traffic import Counts


@dataclass(eq=False)
class Connection:
    """A connection that writes down how it ended."""

    host: str
    used: float
    is_prior: bool = False
    ends: list[str] = field(default_factory=list)

    def dismiss(self, reason: str) -> None:
        """It ends."""
        self.ends.append(reason)


def pool(*members: Connection, **rules: object) -> Pool:
    """A pool of three connections, two of an address at most, with some in it."""
    made = Pool(Listening(**{"most": 3, "most_of_one": 2, **rules}), Counts())  # type: ignore[arg-type] # by name
    made.members |= set(members)
    return made


def ended(*members: Connection) -> list[bool]:
    """Which of them were ended."""
    return [bool(member.ends) for member in members]


def test_while_there_is_room_nobody_makes_any() -> None:
    """Two of three, from two addresses."""
    members = Connection("a", 1.0), Connection("b", 2.0)
    full = pool(*members)

    assert full.refusal("c") == ""
    assert ended(*members) == [False, False]
    assert (full.counts.refused, full.counts.dismissed, len(full.members)) == (0, 0, 2)


def test_the_oldest_ordinary_one_makes_room() -> None:
    """The one that was silent longest, priority ones aside; once."""
    members = Connection("a", 1.0, is_prior=True), Connection("b", 3.0), Connection("c", 2.0)
    full = pool(*members)

    assert full.refusal("d") == ""
    assert ended(*members) == [False, False, True]
    assert members[2].ends == ["d needs one of 3 connections"]
    assert full.members == set(members[:2])
    assert (full.counts.refused, full.counts.dismissed) == (0, 1)


def test_priority_masters_keep_theirs() -> None:
    """Where all connections are theirs, whoever else comes is refused."""
    members = [Connection(name, 1.0, is_prior=True) for name in "abc"]
    full = pool(*members)

    assert full.refusal("d") == "all 3 connections are taken by priority masters"
    assert ended(*members) == [False] * 3
    assert (full.counts.refused, full.counts.dismissed, len(full.members)) == (1, 0, 3)


@pytest.mark.parametrize("prior", [False, True])
def test_an_address_makes_room_for_itself(*, prior: bool) -> None:
    """Its own oldest one, though another is older: a PLC that was restarted is not locked out."""
    members = Connection("a", 3.0, prior), Connection("a", 2.0, prior), Connection("b", 1.0)
    full = pool(*members)

    assert full.refusal("a") == ""
    assert members[1].ends == ["a newer one of a takes its place"]
    assert ended(*members) == [False, True, False]


def test_who_is_not_allowed_makes_nobody_leave() -> None:
    """It is refused before anything else, and counted."""
    members = [Connection("10.0.0.5", 1.0) for _ in range(3)]
    full = pool(*members, allowed=[ipaddress.ip_network("10.0.0.0/24")])

    assert full.refusal("10.0.1.5") == "not on the allow-list"
    assert ended(*members) == [False] * 3
    assert full.counts.refused == 1


def test_refusals_are_told_once_a_minute() -> None:
    """Of each address; and no more than a thousand addresses are remembered."""
    full = pool()
    told = [full.is_news("a", now) for now in (0.0, 59.9, 60.0, 60.1)]
    others = [full.is_news(f"{number}", 60.2) for number in range(1000)]

    assert told == [True, False, True, False]
    assert all(others)
    assert full.is_news("a", 60.3), "forgotten, rather than remembered without bound"
    assert not full.is_news("999", 60.3)
