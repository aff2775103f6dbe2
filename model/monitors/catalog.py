"""The systems by name, `MACHINE/CONSTRUCTION`. Adding one is a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from importlib import import_module

from ..catalog import CATALOG
from ..machine import MachineError
from .construction import Construction, hybrid, trap_and_emulate


def _third_generation(name: str, make: Callable[..., Construction]) -> Construction:
    from .third_generation import ROUTINES, placement, reflect

    return make(placement(name), ROUTINES, reflect)


def _third_generation_recursive(name: str) -> Construction:
    from .recursive import recursive
    from .third_generation import placement

    return recursive(placement(name), _third_generation(name, trap_and_emulate))


def _ia32(module: str, function: str, *arguments: int) -> Construction:
    make: Callable[..., Construction] = getattr(import_module(f".{module}", __package__), function)
    return make(*arguments)


def _ka10(construction: str) -> Construction:
    from .pdp10 import ka10_hybrid, ka10_recursive, ka10_trap_and_emulate

    known = {"trap-and-emulate": ka10_trap_and_emulate, "hybrid": ka10_hybrid, "recursive": ka10_recursive}
    return known[construction]()


def _ki10(construction: str) -> Construction:
    from .pdp10_ki10 import ki10_hybrid, ki10_recursive, ki10_trap_and_emulate

    known = {"trap-and-emulate": ki10_trap_and_emulate, "hybrid": ki10_hybrid, "recursive": ki10_recursive}
    return known[construction]()


def _systems() -> Mapping[str, Callable[[], Construction]]:
    found: dict[str, Callable[[], Construction]] = {}
    for name in CATALOG:
        if name.startswith("third-generation"):
            found[f"{name}/trap-and-emulate"] = partial(_third_generation, name, trap_and_emulate)
            found[f"{name}/hybrid"] = partial(_third_generation, name, hybrid)
            found[f"{name}/recursive"] = partial(_third_generation_recursive, name)
        if name in ("pdp10-ka10", "pdp10-ki10"):
            for construction in ("trap-and-emulate", "hybrid", "recursive"):
                found[f"{name}/{construction}"] = partial(_ka10 if name == "pdp10-ka10" else _ki10, construction)
    found["ia32/de-privileging-ring1"] = partial(_ia32, "ia32_deprivileging", "de_privileging", 1)
    found["ia32/de-privileging-ring3"] = partial(_ia32, "ia32_deprivileging", "de_privileging", 3)
    found["ia32/paravirtual"] = partial(_ia32, "ia32_paravirtual", "paravirtual")
    found["ia32/binary-translation"] = partial(_ia32, "ia32_binary_translation", "binary_translation")
    found["ia32-vmx/hardware-assisted"] = partial(_ia32, "ia32_hardware", "vmx")
    found["ia32-svm/hardware-assisted"] = partial(_ia32, "ia32_hardware", "svm")
    return found


SYSTEMS = _systems()


def _with_fault(base: str, name: str) -> Construction:
    from .faults import FAULTS

    known = [each for each, found in FAULTS.items() if base == found.system]
    if name not in known:
        listed = ", ".join(known) or "none"
        raise MachineError(f"no fault of {base[:60]!r} is named {name[:60]!r}; there are {listed}")
    return FAULTS[name].made()


def system(name: str) -> Construction:
    """The construction `MACHINE/CONSTRUCTION`. Raises MachineError for a name that there is not."""
    base, mark, fault = name.partition("~")
    if mark:
        return _with_fault(base, fault)
    if name not in SYSTEMS:
        close = get_close_matches(name, SYSTEMS, 3)
        hint = f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(SYSTEMS)}"
        raise MachineError(f"no system is named {name[:80]!r}{hint}")
    return SYSTEMS[name]()
