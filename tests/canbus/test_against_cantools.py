"""Every value of every capture with a database, and of random payloads, as cantools decodes it."""

import logging
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from canbus.reference import Both, messages

from gateway.links.capture import open_capture

pytestmark = pytest.mark.corpus

REDPESK = "redpesk-bms/bms-dump.log"
KONA = "kona-ev/pcan.fixed.dbc"
IDLE = "kona-ev/Idle log (no diagnostic function selected)"
SEQUENCE = (
    "kona-ev/Normal sequence) Precharge Relay ON, Main Relay (-), (+) ON"
    "  (no response yet of contactors).asc"
)
OUTLANDER = "outlander-phev/202109061515-steering-lock-to-lock.csv"
CAR = "savvycan-formats/candump.log"
VOLT = "opendbc/gm_global_a_high_voltage_management.dbc"
Pair = tuple[str, str | None, str, int, int]
"Capture, channel (None: any), database, frames, values."

PAIRS: list[Pair] = [
    (REDPESK, None, "redpesk-bms/BMS.dbc", 15_796, 157_224),
    (f"{IDLE}-30sec.asc", None, KONA, 5_904, 12_882),
    (f"{IDLE}.asc", None, KONA, 541, 1_179),
    ("kona-ev/Main Relay (+) On.asc", None, KONA, 734, 1_600),
    ("kona-ev/Main Relay (-) On.asc", None, KONA, 636, 1_389),
    (SEQUENCE, None, KONA, 849, 1_849),
    ("kona-ev/Precharge relay (On).asc", None, KONA, 873, 1_906),
    ("kona-ev/Quick charger relay (-)(+) ON simultaneous.asc", None, KONA, 832, 1_811),
    ("kona-ev/221217-1-2021-pcan-bcan-no-key.csv", "0", KONA, 8_248, 32_765),
]
"Captures with the database of their bus; the frames are those that the corpus counts."
STRANGERS: list[Pair] = [
    (REDPESK, None, "foxbms/foxbms.dbc", 3_541, 34_444),
    (OUTLANDER, None, "savvycan/ThinkCity.dbc", 6_570, 6_200),
    (OUTLANDER, None, "foxbms/foxbms.dbc", 636, 4_116),
    (OUTLANDER, None, VOLT, 1_159, 2_319),
    (CAR, None, "cantools-cases/tester.kcd", 936, 2_808),
    (CAR, None, "opendbc/tesla_model3_vehicle.dbc", 98, 3_128),
    (CAR, None, "foxbms/foxbms.dbc", 36, 177),
    (CAR, None, VOLT, 112, 373),
]
"Captures and databases of different vehicles that share identifiers: real payloads, other signals."

PAYLOADS = 20
DATABASES = {
    "cantools-cases/attributes.dbc": (2, 2),
    "cantools-cases/big_numbers.dbc": (2, 2),
    "cantools-cases/choices.dbc": (1, 1),
    "cantools-cases/comments_hex_and_motorola.sym": (2, 11),
    "cantools-cases/empty_choice.dbc": (1, 3),
    "cantools-cases/fd_test.dbc": (4, 4),
    "cantools-cases/floating_point.dbc": (2, 3),
    "cantools-cases/foobar.dbc": (5, 8),
    "cantools-cases/is_in_phys_range.dbc": (2, 4),
    "cantools-cases/issue_184_extended_mux_cascaded.dbc": (1, 5),
    "cantools-cases/issue_184_extended_mux_independent_multiplexors.dbc": (1, 6),
    "cantools-cases/issue_184_extended_mux_multiple_values.dbc": (1, 4),
    "cantools-cases/issue_636_negative_scaling.dbc": (1, 1),
    "cantools-cases/j1939.dbc": (2, 2),
    "cantools-cases/jopp-6.0.sym": (7, 10),
    "cantools-cases/long_names.dbc": (10, 13),
    "cantools-cases/message-dlc-zero.dbc": (1, 0),
    "cantools-cases/msxii_system_can.dbc": (1, 73),
    "cantools-cases/multiplex.dbc": (1, 12),
    "cantools-cases/multiplex_2.dbc": (4, 19),
    "cantools-cases/multiplexed_variables.sym": (1, 7),
    "cantools-cases/no_signals.dbc": (2, 0),
    "cantools-cases/padding_bit_order.dbc": (5, 13),
    "cantools-cases/signed.dbc": (11, 18),
    "cantools-cases/socialledge.dbc": (5, 19),
    "cantools-cases/tester.kcd": (3, 7),
    "cantools-cases/the_homer.kcd": (33, 92),
    "cantools-cases/val_table.dbc": (1, 1),
    "cantools-cases/variable_dlc.dbc": (2, 8),
    "cantools-cases/vehicle.dbc": (217, 462),
    "css/CSS-Electronics-SAE-J1939-DEMO.dbc": (2, 2),
    "css/tp_uds_nissan.dbc": (1, 6),
    "foxbms/foxbms-bootloader.dbc": (9, 24),
    "foxbms/foxbms.dbc": (41, 2_075),
    "kona-ev/comp_can.dbc": (5, 12),
    KONA: (107, 445),
    VOLT: (12, 125),
    "opendbc/tesla_model3_vehicle.dbc": (11, 209),
    "redpesk-bms/BMS.dbc": (13, 92),
    "savvycan/LeafPowertrainBus.dbc": (10, 21),
    "savvycan/ThinkCity.dbc": (501, 548),
    "savvycan/bms.dbc": (6, 30),
}
"Messages and signals."
REFUSED = {"foxbms/foxbms.dbc": {"f_CrashDump"}}
"A selector that selects nothing: cantools takes it only as 0."


def name_of(pair: Pair) -> str:
    """A pair as a test's name."""
    return f"{Path(pair[0]).stem}-{Path(pair[2]).stem}"


def agreement(capture: Path, channel: str | None, known: Sequence[Both]) -> tuple[int, int]:
    """Frames that cantools decodes, and their values, all of which are read alike."""
    by_key = {both.key: both for both in known}
    frames = values = 0
    for frame in open_capture(capture).frames():
        both = by_key.get(frame.key) if channel in {None, frame.channel} else None
        compared = both.compare(frame.data) if both is not None else None
        if compared is not None:
            frames, values = frames + 1, values + compared
    return frames, values


@pytest.mark.parametrize("pair", [*PAIRS, *STRANGERS], ids=name_of)
def test_every_frame_of_a_capture(corpus: Path, pair: Pair) -> None:
    """Presence and value of every signal of every frame, generic and compiled, are cantools'."""
    capture, channel, file, frames, values = pair
    known = [Both(message) for message in messages(corpus / "dbc" / file)]

    assert agreement(corpus / "can-logs" / capture, channel, known) == (frames, values)


@pytest.mark.parametrize("file", DATABASES)
def test_random_payloads_of_a_database(
    corpus: Path, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the bits of a message are, they are read as cantools reads them."""
    caplog.set_level(logging.ERROR)  # repeated names and identifiers are not the subject
    draw = random.Random(file)
    known = [Both(message) for message in messages(corpus / "dbc" / file)]
    refused = {
        both.name
        for both in known
        for _ in range(PAYLOADS)
        if both.compare(both.selecting(draw.randbytes(both.length), draw)) is None
    }

    assert (len(known), sum(len(both.signals) for both in known)) == DATABASES[file]
    assert refused == REFUSED.get(file, set())


def test_a_payload_that_no_multiplexer_value_fits(corpus: Path) -> None:
    """Where cantools refuses a frame, what does not depend on the selector is read all the same."""
    (both,) = (Both(message) for message in messages(corpus / "dbc/cantools-cases/multiplex.dbc"))
    unknown = bytes.fromhex("3C FF FF FF FF FF FF FF")

    assert both.compare(unknown) is None
    assert both.values(unknown) == {"Multiplexor": 15}


NISSAN = {
    "356101fffff3cc02afffffeba6ffffd96d03e830d49876395f038c000170002910000d9d7e0010ad79800005ffffeba6ffffec3b01ad": {
        "SoC": 89.2286,
    },
    "1f610402bb0202bf01ffffff02c7000000ffffffffffffffffffffffffffffff": {
        "BatPackTemp1": 2, "BatPackTemp2": 1, "BatPackTemp4": 0,
    },
}  # fmt: skip
"Answers of a car's battery, put together from css-mf4/00000001.MF4, and what they read."


@pytest.mark.parametrize("payload", NISSAN)
def test_selectors_inside_selectors(corpus: Path, payload: str) -> None:
    """55 bytes with a service, a response of it, and what that response carries."""
    (message,) = messages(corpus / "dbc/css/tp_uds_nissan.dbc")
    both, data = Both(message), bytes.fromhex(payload).ljust(55, b"\0")
    read = both.values(data)

    assert both.compare(data) == len(read)
    assert {name: round(read[name], 4) for name in read if name not in {"service", "response"}} == (
        NISSAN[payload]
    )
