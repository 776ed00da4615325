"""Before a gateway stops: racks whose BMUs would not bear a restart are opened, or it stays (R16)."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from gateway.app.controller import Controller
from gateway.app.gateway import Gateway
from gateway.mapping.restart import restart_gap

log = structlog.get_logger()


async def left(gateway: Gateway, cycled: asyncio.Event, refused: Callable[[str], None]) -> bool:
    """Open racks at low current; False where they stay closed, because their current does not fall.

    `cycled` is set by each cycle; `refused` is told which containers hold the gateway back.
    """
    leaving = _leaving(gateway)
    for controller in leaving:
        if controller.is_on_bus:
            log.warning("opening_before_stop", container=controller.name, again="stops at once")
        controller.retire()
    while any(controller.is_leaving for controller in leaving):
        cycled.clear()
        await cycled.wait()
    staying = [controller.name for controller in leaving if controller.is_on_bus]
    if not staying:
        return True
    for controller in leaving:
        controller.stay()
    log.error(
        "stop_refused",
        containers=staying,
        hint="a second signal while it tries stops at once, with closed racks",
    )
    refused(", ".join(staying))
    return False


def _leaving(gateway: Gateway) -> Sequence[Controller]:
    """Those whose BMUs would open by themselves, under load, before a restart is over."""
    return [
        controller
        for state in gateway.containers.values()
        if (controller := state.controller) is not None
        and controller.settings.drives_contactors
        and (gap := restart_gap(state.container)) is not None
        and not gap.is_borne
    ]
