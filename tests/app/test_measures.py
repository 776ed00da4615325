"""What is measured of a gateway at work: the pace of its cycles, and what a picture that is too old still says."""

import dataclasses
import math

import pytest

from gateway.app import Gateway
from gateway.app.measures import Pace, Picture, families, take
from gateway.mapping.library import Library
from gateway.mapping.site import load_site
from gateway.model.quality import Detail
from gateway.model.traffic import Counts


@pytest.fixture
def gateway() -> Gateway:
    """The demo site, in which nothing was heard."""
    return Gateway(load_site(Library(), "demo"))


def told(picture: Picture, now: float) -> dict[str, list[float]]:
    """All samples by family."""
    return {
        family.name: [value for _, value in family.samples] for family in families(picture, now)
    }


def test_the_longest_is_of_the_time_since_it_was_asked_last() -> None:
    """Sums go on, the longest begins anew; a cycle out of turn is not late."""
    pace = Pace()
    for seconds, late in ((0.5, 0.25), (0.25, -1.0)):
        pace.cycle(seconds, late)
    first, second = pace.taken(), pace.taken()

    assert first == Pace(2, 0.75, 0.5, 0.25)
    assert second == Pace(2, 0.75, 0.0, 0.0)


def test_a_picture_that_is_too_old_tells_its_age(gateway: Gateway) -> None:
    """After 3 s nothing else (R8); before the first picture not even that."""
    gateway.cycle(1.0)
    picture = take(gateway, Counts(), (), Pace(), 1.0)

    assert told(picture, 4.0)["essgw_racks_configured"] == [12.0]
    assert told(picture, 4.5) == {"essgw": [1.0], "essgw_picture_age_seconds": [3.5]}
    assert told(Picture(), 4.0) == {"essgw": [1.0]}


def test_nothing_of_the_plant_is_told_while_cycles_stall(gateway: Gateway) -> None:
    """What registers hide is not shown beside them (R8); traffic and cycles are."""
    gateway.cycle(1.0)
    gateway.check_pace(1.0 + gateway.site.stall_after + 0.5)
    shown = told(take(gateway, Counts(), (), Pace(), 2.5), 2.5)

    assert "essgw_racks_configured" not in shown
    assert "essgw_master_requests" in shown
    assert "essgw_cycles" in shown


def test_what_is_contradicted_is_left_out(gateway: Gateway) -> None:
    """As what is unknown (R42); what lacks a rack is told."""
    gateway.cycle(1.0)
    picture = take(gateway, Counts(), (), Pace(), 1.0)
    snapshot = picture.packs["C1"]
    place = snapshot.layout.first("soc")
    for detail, expected in ((Detail.NONE, [50.0]), (Detail.INACCURATE, [50.0]), (Detail.INCONSISTENT, None)):  # fmt: skip
        values, quality = snapshot.values.copy(), snapshot.quality.copy()
        values[place], quality[place] = 50.0, detail
        changed = dataclasses.replace(snapshot, values=values, quality=quality)
        seen = told(dataclasses.replace(picture, packs={"C1": changed}), 1.0)
        assert seen.get("essgw_soc") == expected
    assert math.isnan(snapshot.values[place])
