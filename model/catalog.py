"""The machines by name. Adding one is a line here; a machine in a file of its own needs none."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from textwrap import shorten

from .encoding import EncodingError
from .machine import Machine, MachineError
from .terms import TermError
from .well_formed import check_well_formed


@dataclass(frozen=True)
class Entry:
    """Where a machine is built: a module of this folder, a function in it, its arguments; and a line about it.

    `elf` repeats the machine's `programs.elf`, so that a program's machine is found without building others.
    """

    module: str
    function: str
    summary: str
    arguments: tuple[str | int, ...] = ()
    elf: tuple[int, int] | None = None

    def build(self) -> Machine:
        make: Callable[..., Machine] = getattr(importlib.import_module(self.module, __package__), self.function)
        return make(*self.arguments)


def _variant(name: str, summary: str) -> tuple[str, Entry]:
    return f"third-generation-{name}", Entry(".third_generation.variants", "variant", summary, (name,))


CATALOG: dict[str, Entry] = {
    "third-generation": Entry(
        ".third_generation.machine", "third_generation", "Popek and Goldberg's machine <E, M, P, R>"
    ),
    **dict(
        [
            _variant("return-to-user", "with an unprivileged return to user mode"),
            _variant("privileged-return", "with a privileged return to user mode"),
            _variant("load-real-address", "with an instruction that shows absolute addresses"),
            _variant("read-mode", "with an instruction that shows the mode"),
            _variant("read-psw", "with an instruction that shows mode and relocation"),
            _variant("previous-space", "with an instruction whose address depends on the mode"),
            _variant("user-no-op", "where a privileged instruction does nothing in user mode instead of trapping"),
            _variant("shrink", "with an unprivileged instruction that can only lower the bound"),
            _variant("halt", "with HALT, the processor being no resource"),
            _variant("halt-shared", "with HALT, the processor being shared in time"),
            _variant("supervisor-call", "with a supervisor call"),
            _variant("store-absolute", "with a store that reaches the PSW cells regardless of relocation"),
        ]
    ),
    "pdp10-ka10": Entry(".pdp10", "ka10", "the KA10 of 1967: executive and user mode, protection and relocation"),
    "pdp10-ki10": Entry(".pdp10", "ki10", "the KI10 of 1972: four modes and paging"),
    "ia32": Entry(".ia32", "ia32", "32-bit protected mode without paging, four rings, segmentation and gates"),
    "rv64": Entry(".riscv", "rv64", "RISC-V RV64IMAC with M-, S- and U-mode, PMP and Sv39", elf=(243, 64)),
    "rv32": Entry(".riscv", "rv32", "RISC-V RV32IMAC with M-, S- and U-mode, PMP and Sv32", elf=(243, 32)),
    "ia32-vmx": Entry(".ia32_vmx", "ia32_vmx", "ia32 with Intel's VMX: root and non-root operation, VMCS, EPT"),
    "ia32-svm": Entry(".ia32_svm", "ia32_svm", "ia32 with AMD's SVM: guest mode, VMCB, intercepts, nested paging"),
}


def load(name: str) -> Machine:
    """The machine of the catalogue, or the one that `machine()` returns in the Python file `name`.

    Raises MachineError for an unknown name or a file that defines no machine.
    """
    return _from_file(Path(name)) if name.endswith(".py") else named(name)


def named(name: str) -> Machine:
    """The machine of the catalogue. Raises MachineError for another name; no file is run, whatever the name is."""
    if name not in CATALOG:
        close = get_close_matches(name, CATALOG, 3)
        hint = f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(CATALOG)}"
        raise MachineError(f"no machine is named {name!r}{hint}")
    entry = CATALOG[name]
    machine = entry.build()
    machine.built = (entry, *machine.parts)
    return machine


def entry_of(machine: Machine) -> Entry | None:
    """The entry that `machine` was built from, if nothing but assumptions has been changed since."""
    if not machine.built:
        return None
    entry, *parts = machine.built
    now = machine.parts
    same = len(parts) == len(now) and all(a is b for a, b in zip(parts, now, strict=True))
    return entry if same and isinstance(entry, Entry) else None


def _from_file(path: Path) -> Machine:
    """The machine of a file. What the file prints goes to stderr, so that it is never taken for a result."""
    if not path.is_file():
        raise MachineError(f"{path} is not a file; a machine of your own is a Python file that defines machine()")
    spec = importlib.util.spec_from_file_location(f"_machine_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
            make = getattr(module, "machine", None)
            made = make() if callable(make) else make
            if isinstance(made, Machine):
                _check_own(made)
    except (Exception, SystemExit) as error:
        raise MachineError(f"{path} could not be read as a machine: {_told(error, path)}") from error
    if not isinstance(made, Machine):
        raise MachineError(f"{path} defines no function machine() that returns a Machine")
    return made


def _check_own(machine: Machine) -> None:
    if machine.name in CATALOG:
        raise MachineError(f"it calls itself {machine.name}, as a machine of the catalogue does")
    check_well_formed(machine)


def _told(error: BaseException, path: Path) -> str:
    """The error in one sentence, with the line of the file that it came from."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    where = f"line {lines[-1]}, " if lines else ""
    where += "".join(f"{note}: " for note in getattr(error, "__notes__", ()))
    kind = "" if isinstance(error, MachineError | EncodingError | TermError) else f"{type(error).__name__}: "
    return f"{where}{kind}{shorten(' '.join(str(error).split()), 300, placeholder='…')}"
