"""Bochs as an oracle of the model: probes are run in batches, and each becomes a case that has its answer.

The configuration of the model (CR4's UMIP and so on) is fixed for an interpreter, so the probes are run once
for each of `CONFIGURATIONS`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, TypeAlias

from ringproof.model.ia32.encoding import from_bytes
from ringproof.model.ia32.machine import CR4_BITS
from ringproof.model.machine import Instruction
from ringproof.traces.interpreter import Interpreter

from . import bochs_layout as at
from .answers import Answer, OracleUnavailable
from .bochs import Bochs
from .bochs_probe import Probe
from .bochs_states import answer_of, state_of
from .comparison import Comparer, Recorded
from .ia32_steps import Case

Asked: TypeAlias = tuple[Instruction, Probe]

BATCH = 3000
NEAR = 48
"""How many bytes about a stack pointer are watched."""

CONFIGURATIONS: tuple[Mapping[str, int], ...] = (
    {},
    {"UMIP": 1},
    {"TSD": 1, "PCE": 1},
    {"UMIP": 1, "PVI": 1, "TSD": 1},
)


class BochsIA32:
    """Bochs, asked beforehand: `record` runs probes and gives the cases with Bochs's answers."""

    name = "bochs"

    def __init__(self) -> None:
        if trouble := Bochs.available():
            raise OracleUnavailable(trouble)
        self.version = _version()
        self._spaces: dict[str, list[Asked]] = {}

    def run(self, state: Mapping[str, Any], *, limit: int = 1) -> Answer:
        """Refuses: a state of the model is not put to Bochs, only a probe is."""
        raise TypeError("Bochs answers to recorded cases; a state alone cannot be put to it")

    def draw(self, interpreter: Interpreter, seed: int, instructions: Sequence[Instruction]) -> Iterator[Case]:
        """The cases of all spaces of probes for the configuration of the interpreter's machine."""
        from .probes import enumerated, probes

        values = {name: interpreter.machine.assumptions[name].value for name in CR4_BITS}
        part = [{name: each.get(name, 0) for name in CR4_BITS} for each in CONFIGURATIONS].index(values)
        wanted = set(instructions)
        self._spaces = self._spaces or enumerated(interpreter)
        drawn = probes(self._spaces, seed, part, len(CONFIGURATIONS))
        return self.record(interpreter, ((form, probe) for form, probe in drawn if form in wanted))

    def record(self, interpreter: Interpreter, asked: Iterable[Asked]) -> Iterator[Case]:
        """The cases of `asked` in order, each with its answer; those that the model declines have none."""
        comparer = Comparer(interpreter, self)
        fixed = sum(1 << bit for name, bit in CR4_BITS.items() if interpreter.machine.assumptions[name].value)
        rest = iter(asked)
        while batch := list(islice(rest, BATCH)):
            cases = []
            probes: dict[int, Probe] = {}
            for number, (instruction, plain) in enumerate(batch):
                probe = replace(plain, cr4=plain.cr4 | fixed)
                case = case_of(interpreter, instruction, probe)
                expected = comparer.expect(case)
                cases.append(case)
                if not expected.declined:
                    probes[number] = _watching(probe, case, expected.state)
            results = dict(zip(probes, Bochs().run(probes.values()), strict=True))
            for number, case in enumerate(cases):
                if number in probes:
                    answer = answer_of(probes[number], results[number], case.state)
                    yield Recorded(case.instruction, case.fields, case.code, case.state, answer)
                else:
                    yield case


def case_of(interpreter: Interpreter, instruction: Instruction, probe: Probe) -> Case:
    """The step of the model that a probe is. Raises ValueError where its code is another instruction."""
    matches, fields = interpreter.operands(instruction, from_bytes(probe.code))
    if not matches:
        raise ValueError(f"{probe.code.hex(' ')} is not {instruction.id}")
    return Case(instruction, fields, probe.code, state_of(probe, interpreter.initial()))


def _watching(probe: Probe, case: Case, after: Mapping[str, Any]) -> Probe:
    """The probe, watching the tables, the stacks, the scratch memory, and what the model has stored."""
    state = case.state
    places = {at.SCRATCH + n for n in range(0, 64, 4)}
    places |= {at.GDT + 8 * n + half for n in (*range(11), *probe.gdt) for half in (0, 4)}
    places |= {at.LDT + 8 * n + half for n in probe.ldt for half in (0, 4)}
    tops = [at.stack_top(ring) for ring in range(3)]
    for top, above in ((state["SS_base"] + state["ESP"] & ~3, NEAR), *[(top, 0) for top in tops]):
        places |= set(range(top - NEAR, top + above, 4))
    for address, byte in after["memory"].items():
        if byte != state["memory"][address]:
            places.add(address & ~3)
    inside = sorted(place for place in places if at.WORLD <= place < at.WORLD + at.WORLD_SIZE)
    watch: list[tuple[int, int]] = []
    for place in inside:
        if watch and sum(watch[-1]) == place:
            watch[-1] = watch[-1][0], watch[-1][1] + 4
        else:
            watch.append((place, 4))
    return replace(probe, watch=tuple(watch))


def _version() -> str:
    """The number that Bochs prints of itself."""
    program = shutil.which("bochs")
    assert program is not None
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    for line in (text.stdout + text.stderr).splitlines():
        if "Emulator" in line:
            return line.split()[-1]
    raise OracleUnavailable("bochs --help does not say which version it is")
