"""The composition root: a pure cycle inside, links outside."""

from gateway.app.container import ContainerState
from gateway.app.gateway import Gateway
from gateway.app.runtime import Runtime

__all__ = ["ContainerState", "Gateway", "Runtime"]
