"""The parts of a site, as tables ready to run: buses and containers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.canbus.send import Send
from gateway.canbus.table import Message
from gateway.control.settings import Settings
from gateway.mapping.control import Pcs
from gateway.mapping.plan import Coded
from gateway.model.pack import Layout
from gateway.model.store import Slot


@dataclass(frozen=True, slots=True)
class Bus:
    """A CAN bus and how to open it."""

    name: str
    interface: str
    channel: str | int | None
    bitrate: int | None
    options: Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Container:
    """A container: its layout and the messages that fill it."""

    name: str
    title: str
    layout: Layout
    messages: Mapping[str, Sequence[Message]]
    "By bus."
    slots: Sequence[Slot]
    slot_of: Mapping[int, int]
    inputs: Mapping[int, int]
    "Elements behind the layout's, each with the alarm that it is a part of."
    carried: frozenset[str]
    coded: Sequence[Coded]
    "Coded adapters."
    sends: Mapping[str, Sequence[Send]]
    "What is sent to it, by bus."
    settings: Settings | None = None
    "Of its control; None: nothing can be written."
    pcs: Pcs | None = None
    "The PCS that the gateway drives."
