"""A BMU that leaves precharge to the gateway: it obeys coil by coil, bears so much, and disobeys by name (R27)."""

import math

import pytest
from simulated.bench import remainder

from conformance.sim.battery import Battery, Ratings
from conformance.sim.coils import COILS
from conformance.sim.emitter import Emitter

N, P, X = 1, 4, 16
"On, of each coil; off is said where it is not on."
OHM, FARAD = 33.0, 6e-3
STEP = 0.05  # s of physics before a contactor follows


class Voice:
    """One rack, and who orders its coils."""

    def __init__(self, *, closed: bool = False, coils: bool = True) -> None:
        self.battery = Battery(Ratings(racks=1), closed=closed)
        self.emitter = Emitter(self.battery, coils=coils)
        self.bmu = self.emitter.bmus[1]
        self._counter = 0

    def frame(self, bits: int, *, wrong: int = 0) -> bytes:
        """All three coils: off is 1, on is 2."""
        self._counter = (self._counter + 1) % 16
        body = bytes((0b010101 + bits, 0, 0, 0, 0, 0, self._counter))
        return body + bytes((remainder(body) ^ wrong,))

    def order(self, bits: int, seconds: float, *, wrong: int = 0) -> str:
        """Say it each 100 ms for some seconds; where the contactors are then."""
        for _ in range(round(seconds / 0.1)):
            self.emitter.take(COILS | 1 << 16, self.frame(bits, wrong=wrong))
            self.wait(0.1)
        return self.seen

    def wait(self, seconds: float) -> None:
        """Nothing is said."""
        for _ in range(round(seconds / 0.05)):
            self.emitter.step(0.05)

    def fails(self, name: str) -> None:
        """A fault comes."""
        self.emitter.faults.add(name, 1)

    @property
    def seen(self) -> str:
        """The contactors that are closed."""
        at = self.bmu.contactors.feedback(self.emitter.faults.of(1))
        told = (("N", at.negative), ("P", at.precharge), ("+", at.positive))
        return "".join(name for name, is_closed in told if is_closed)

    @property
    def part(self) -> float:
        """The bus's voltage as a part of the rack's."""
        return float(self.battery.bus_voltage / self.battery.rack_voltage()[0])


def test_coils_are_what_is_ordered() -> None:
    """In any order that is asked; nothing happens by itself."""
    voice = Voice()

    assert [voice.order(bits, 0.2) for bits in (0, N, N + P, N + P + X, N + X, X, 0)] == [
        "", "N", "NP", "NP+", "N+", "+", "",
    ]  # fmt: skip


def test_the_bus_rises_as_capacitors_do() -> None:
    """1 - exp(-t / RC) of the rack's voltage; current decays with it; the resistor alone charges it (R28)."""
    voice = Voice()
    voice.order(N, 0.2)
    assert voice.part == 0
    for tenths in range(1, 11):
        voice.order(N + P, 0.1)
        left = math.exp(-(tenths * 0.1 - STEP) / (OHM * FARAD))
        assert voice.part == pytest.approx(1 - left, abs=0.01)
    assert abs(voice.battery.rack_current[0]) < 0.5
    voice.order(N, 1.0)
    assert voice.part > 0.97


def test_the_voltage_behind_is_told() -> None:
    """In a frame of its own, which BMUs that precharge themselves do not send."""
    voice, other = Voice(), Voice(coils=False)
    voice.order(N + P, 0.3)
    (told,) = [sent for sent in voice.bmu.fast() if sent.identifier == 0x180114F4]

    assert int.from_bytes(told.data[:2], "little") == round(voice.battery.bus_voltage * 10) > 5000
    assert len(list(voice.bmu.fast())) - len(list(other.bmu.fast())) == 1
    assert other.order(N, 0.5) == "", "it knows no coils"


@pytest.mark.parametrize("wrong", [0x01, 0x80])
def test_a_damaged_frame_is_ignored(wrong: int) -> None:
    """Wrong checksum, wrong length, a counter that stands still."""
    voice = Voice()
    same = voice.frame(0)
    voice.emitter.take(COILS | 1 << 16, same)

    assert voice.order(N, 0.5, wrong=wrong) == ""
    voice.emitter.take(COILS | 1 << 16, voice.frame(N)[:7])
    body = bytes((0b010110, *same[1:7]))
    voice.emitter.take(COILS | 1 << 16, body + bytes((remainder(body),)))
    voice.wait(0.1)
    assert voice.seen == ""


def test_no_order_leaves_a_coil_where_it_is() -> None:
    """Raw 0: for one coil, or for all of them, from the start on."""
    voice = Voice(closed=True)
    voice.wait(1.0)
    assert voice.seen == "N+"
    body = bytes((0, 0, 0, 0, 0, 0, 5))
    voice.emitter.take(COILS | 1 << 16, body + bytes((remainder(body),)))
    voice.wait(1.0)

    assert voice.seen == "N+"


def test_precharge_that_lasts_is_taken_off() -> None:
    """After 4 s all coils drop, with a trip; held coils do nothing until they were ordered off (R27)."""
    voice = Voice()
    before = voice.order(N + P, 3.9)
    after = voice.order(N + P, 0.3)
    trips = set(voice.bmu.protection.latched)
    held = voice.order(N + P, 2.0)

    assert (before, after, held) == ("NP", "", "")
    assert trips == {"TripPrecharge"}


def test_without_frames_it_opens() -> None:
    """After 5 s, and not before; frames that come again close nothing by themselves."""
    voice = Voice(closed=True)
    voice.order(N + X, 0.2)
    voice.wait(4.8)
    before = voice.seen
    voice.wait(0.4)

    assert (before, voice.seen) == ("N+", "")
    assert voice.order(N + X, 1.0) == ""


@pytest.mark.parametrize(
    ("fault", "bits", "seen"),
    [
        ("hasty", N, "N+"),
        ("stuck_precharge", N + X, "NP+"),
        ("stuck_open", N + P + X, "NP"),
        ("welded", 0, "N+"),
        ("deaf", N, ""),
    ],
)
def test_a_bmu_disobeys_by_name(fault: str, bits: int, seen: str) -> None:
    """What its contactors do instead."""
    voice = Voice()
    voice.fails(fault)

    assert voice.order(bits, 0.2) == seen


def test_a_broken_resistor_charges_nothing() -> None:
    """The contactor closes, the bus stays dead."""
    voice = Voice()
    voice.fails("no_precharge")

    assert voice.order(N + P, 2.0) == "NP"
    assert voice.part == 0
