"""What the log tells of the same again and again: some, then how much it was."""

from gateway.links.ration import Ration


def test_so_often_a_minute_and_then_a_count() -> None:
    """Three are told, the others counted and told once; then all begins anew. Others have a ration of their own."""
    ration = Ration(3)
    told = [ration.allows("plc", now) for now in range(10)]

    assert told == [True] * 3 + [False] * 7
    assert ration.allows("ems", 9.0)
    assert list(ration.over(59.9)) == []
    assert list(ration.over(60.0)) == [("plc", 7)]
    assert list(ration.over(60.0)) == []
    assert ration.allows("plc", 60.0)


def test_what_was_left_out_is_told_before_more_is() -> None:
    """However late somebody looks: no count is lost."""
    ration = Ration(1)
    told = [ration.allows("plc", now) for now in (0.0, 1.0, 300.0)]

    assert told == [True, False, False]
    assert list(ration.over(300.0)) == [("plc", 2)]


def test_a_minute_in_which_nothing_was_left_out_leaves_nothing() -> None:
    """Who comes and goes once a minute is told of for ever, and nobody is remembered."""
    ration = Ration(2)

    assert all(ration.allows("plc", 60.0 * now) for now in range(100))
    assert list(ration.over(60.0 * 100)) == []
    assert ration.allows("plc", 0.0)
    assert ration.allows("plc", 0.0)


def test_any_number_of_strangers_takes_no_memory() -> None:
    """From the thousandth on they share one ration."""
    ration = Ration(2)
    told = sum(ration.allows(f"10.0.{host >> 8}.{host & 255}", 0.0) for host in range(3000))

    assert told == 1000 + 2
    assert list(ration.over(60.0)) == [("", 1998)]
