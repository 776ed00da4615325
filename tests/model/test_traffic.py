"""Traffic of masters as points: numbered, counted, missing where there is nobody."""

import math

import pytest

from gateway.model.quality import Detail
from gateway.model.traffic import LAYOUT, MASTERS, TRAFFIC, Counts, Traffic, picture

NAMES = ("ems", "plc")
OF_MASTERS = [name for name in TRAFFIC if name.startswith("master_")]


def counted(**of: Traffic) -> Counts:
    """Counts of some masters; `nobody` is whoever is not configured."""
    return Counts({"" if name == "nobody" else name: traffic for name, traffic in of.items()})


def test_masters_have_the_numbers_of_the_site() -> None:
    """0 is who is not configured, then in the order of the site; each number in its own point."""
    counts = counted(plc=Traffic(1, 2, 3, 4, 5, 90.0), nobody=Traffic(6, 7, 8, 9, 10, 80.0))
    shown = picture(counts, NAMES, 100.0)
    rows = [[float(shown[name][number]) for name in OF_MASTERS] for number in (0, 1, 2)]

    assert rows[0] == [6, 7, 8, 9, 10, 20]
    assert rows[1][:-1] == [0] * 5
    assert math.isnan(rows[1][-1])
    assert rows[2] == [1, 2, 3, 4, 5, 10]


def test_masters_that_the_site_does_not_have_are_missing() -> None:
    """All of their points, with the quality that says so; whoever is configured beyond the last is not shown."""
    shown = picture(counted(), NAMES, 1.0)
    full = picture(counted(), [f"m{number}" for number in range(40)], 1.0)

    for name in OF_MASTERS:
        assert all(math.isnan(value) for value in shown[name][3:])
        assert set(shown.quality_of(name)[3:].tolist()) == {Detail.NOT_AVAILABLE}
    assert not any(math.isnan(value) for value in full["master_requests"])
    assert len(full["master_requests"]) == MASTERS


def test_what_belongs_to_nobody() -> None:
    """Each count in its own point."""
    shown = picture(Counts({}, 1, 2, 3, 4, 5), (), 0.0)
    whole = [name for name in TRAFFIC if not name.startswith("master_")]

    assert whole == [
        "connections_refused", "connections_dismissed", "streams_broken", "frames_damaged",
        "frames_foreign",
    ]  # fmt: skip
    assert [float(shown[name]) for name in whole] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("count", "told"), [(2**32 - 2, 2**32 - 2), (2**32 - 1, 0), (2**32, 1), (3 * 2**32, 3)]
)
def test_counters_go_on_at_0(count: int, told: int) -> None:
    """Before the number that stands for a value that is missing, in every counter."""
    traffic = Traffic(0, count, count, count, count, 0.0)
    shown = picture(Counts({"": traffic}, count, count, count, count, count), (), 0.0)
    counters = [name for name in TRAFFIC if name not in {"master_connections", "master_silence"}]

    assert {float(shown[name].ravel()[0]) for name in counters} == {told}


def test_indices_are_numbers_of_masters() -> None:
    """They count from 0, wherever a value is looked up."""
    first = LAYOUT.first("master_writes")

    assert LAYOUT.element("master_writes", 0) == first
    assert LAYOUT.element("master_writes", 16) == first + 16
    assert LAYOUT.indices_of(first + 16) == (16,)
    assert LAYOUT.positions("master_writes")[0] == (0,)
    with pytest.raises(IndexError, match="no index 17: it goes from 0 to 16"):
        LAYOUT.element("master_writes", 17)
