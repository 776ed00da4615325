"""What the parts of a site must agree on: names, interfaces, identifiers, and who drives what."""

from collections.abc import Collection, Sequence

from gateway.canbus.frame import identifier_text
from gateway.mapping.parts import Container
from gateway.mapping.schema import SiteFile
from gateway.mapping.source import Source, did_you_mean

_SLOWEST = 0.2  # s of a cycle with control: orders and PCS access live for one


def check_names(source: Source, rows: SiteFile) -> None:
    """Containers must have different names."""
    names = [row.name for row in rows.containers]
    for index, name in enumerate(names):
        if name in names[:index]:
            at = ("containers", index, "name")
            source.report(at, f"a container named '{name}' exists already")


def check_buses(source: Source, rows: SiteFile, interfaces: Collection[str]) -> None:
    """Interfaces must be such as exist."""
    for bus, row in rows.buses.items():
        if interfaces and row.interface not in interfaces:
            at = ("buses", bus, "interface")
            near = did_you_mean(row.interface, interfaces)
            source.report(at, f"no interface is named '{row.interface}'", near)


def check_identifiers(source: Source, containers: Sequence[Container]) -> None:
    """A bus brings an identifier to one container, and to one message or adapter of it."""
    taken: dict[tuple[str, int], str] = {}
    for index, container in enumerate(containers):
        own = [(bus, item.key) for bus, items in container.messages.items() for item in items]
        own += [(bus, item.key) for bus, items in container.sends.items()
                for item in items if not item.once]  # fmt: skip
        for coded in container.coded:
            own += {(coded.bus, slot.key) for slot in coded.adapter.slots}
        seen = dict(taken)
        for bus, key in own:
            if owner := seen.get((bus, key)):
                text = f"{identifier_text(key)} on {bus} already belongs to {owner}"
                remedy = "give it a bus or an address of its own"
                source.report(("containers", index), text, remedy)
                break
            seen[bus, key] = container.name
        taken |= dict.fromkeys(own, container.name)


def check_control(source: Source, rows: SiteFile, containers: Sequence[Container]) -> None:
    """Control needs quick cycles, and a PCS has one writer (R8, R12)."""
    controlled = [item for item in containers if item.settings is not None]
    if controlled and rows.cycle > _SLOWEST:
        text = f"a cycle of {rows.cycle:g} s is too slow for control"
        source.report(("cycle",), text, f"at most {_SLOWEST:g}")
    driven = [item.pcs.place for item in controlled if item.pcs is not None]
    for index, place in enumerate(driven):
        if place in driven[:index]:
            text = f"two containers drive the PCS at {place[0]}:{place[1]} unit {place[2]} (R12)"
            source.report(("containers",), text, "a PCS has one writer")
