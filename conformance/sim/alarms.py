"""The alarm bits of the demo BMU's status message; append only, since frame files and captures know them."""

_LEVELS = ("Warning", "Alarm", "Trip")
ALARMS = (
    *(
        f"{level}{cause}"
        for cause in ("CellOvervoltage", "CellUndervoltage", "Overtemperature")
        for level in _LEVELS
    ),
    "TripCommunication",
    "TripPrecharge",
    "TripContactor",
    "TripInterlock",
    "TripEmergencyStop",
    "TripFire",
    "TripDoor",
    "TripInsulation",
    "TripChargeOvercurrent",
    "TripDischargeOvercurrent",
)
"One bit each, at `BITS`."

BITS = {name: 16 + place if place < 16 else 32 + place for place, name in enumerate(ALARMS)}  # noqa: PLR2004 - insulation lies between
"From bit 16 of the status message on, and from bit 48 behind the insulation: 28 at most."
