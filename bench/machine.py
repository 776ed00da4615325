"""What the measurements ran on."""

import importlib.metadata
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

import gateway

_PACKAGES = ("numpy", "uvloop", "python-can", "cantools", "pymodbus", "pyModbusTCP")


def rows(libmodbus: str, node: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What a reader needs to judge the figures: a name and a value a row."""
    yield "Processor", _processor()
    yield "System", f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}"
    yield "Python", _python()
    yield "Packages", ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    peers = [f"libmodbus {libmodbus or 'absent'}", *(" ".join(of) for of in node.items())]
    yield "Peers", f"{', '.join(peers)}; C programs by gcc {_gcc()}, -O2"
    yield "ess-gateway", gateway.__version__


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = [line.partition(":") for line in lines]
    models = [value.strip() for name, _, value in fields if name.strip() == "model name"]
    virtual = any("hypervisor" in value.split() for name, _, value in fields if "flags" in name)
    where = ", a virtual machine" if virtual else ""
    return f"{models[0] if models else platform.machine()}, {len(models) or 1} cores{where}"


def _python() -> str:
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    pgo = "with" if "--enable-optimizations" in arguments else "without"
    lto = "with" if "--with-lto" in arguments else "without"
    build = f"{platform.python_compiler()}, {pgo} PGO, {lto} LTO"
    if sys.base_prefix == "/usr":  # a distribution has ways of its own to ask for these
        build = "the distribution's, /usr/bin/python3"
    return f"{platform.python_implementation()} {platform.python_version()} ({build})"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _gcc() -> str:
    asked = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True)
    return asked.stdout.strip()
