"""One instruction at one place: its outcome with the program counter, its word and what rarely changes as constants.

What rarely changes is *slow*: modes and resources, and whatever else says which instruction is fetched. An outcome
is made by running the machine's own fetch and meaning on a state that has constants in these places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ringproof.model.cpu import Cause, Outcome, Trap
from ringproof.model.encoding import WORD
from ringproof.model.machine import Instruction, Machine, Role
from ringproof.model.terms import TRUE, ArraySort, Evaluation, Term, bits, substitute, topological, var
from ringproof.traces.interpreter import UNDEFINED, Interpreter

from .view import View, constant

Cell = tuple[str, int]
"""A cell of an array: the array's name and the index."""


@dataclass(frozen=True, eq=False)
class Specialized:
    """An instruction at a place: the cells that its word was made from, and what it does.

    `outcome` is over the components that are not slow; `read` names the slow ones that it rests on.
    """

    instruction: Instruction | None
    cells: Mapping[Cell, int]
    outcome: Outcome
    read: frozenset[str]


class _Tracked(dict[str, Term]):
    """A state that notes which components are read. Whoever copies it has read them all."""

    def __init__(self, state: Mapping[str, Term]) -> None:
        super().__init__(state)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Term:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        self.read.update(super().keys())
        return super().__iter__()


class Specializer:
    """Makes the outcomes of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._interpreter = Interpreter(machine)
        self._lengths: dict[tuple[Instruction, tuple[int, ...]], bool] = {}
        fetch = machine.fetch
        assert fetch is not None
        words: list[Term] = []
        self._fetch = machine.run(lambda cpu: words.append(fetch(cpu)))
        self._word = words[0]
        self._changed = {n: t for n, t in self._fetch.state.items() if t is not machine.variables[n]}
        self._roots = [self._word, *[trap.guard for trap in self._fetch.traps]]
        details = [term for trap in self._fetch.traps for term in trap.details.values()]
        nodes = topological([*self._roots, *self._changed.values(), *details])
        reads = [node for node in nodes if node.op == "select"]
        self._direct = not any(n.op == "select" for n in topological([node.args[1] for node in reads]))
        fetched = {node.name for node in nodes if node.op == "var"} - {machine.counter}
        self.slow = tuple(
            [
                name
                for name, component in machine.components.items()
                if not isinstance(component.sort, ArraySort)
                and (component.role in (Role.MODE, Role.RESOURCE) or name in fetched)
                and name != machine.counter
            ]
        )
        self._fetch_reads = frozenset(fetched & set(self.slow))

    def state(self, counter: int, slow: Mapping[str, int]) -> dict[str, Term]:
        """The machine's variables, but constants for the program counter and what is slow."""
        machine, state = self.machine, dict(self.machine.variables)
        for name, value in (*slow.items(), (machine.counter, counter)):
            state[name] = constant(value, machine.components[name].sort)
        return state

    def at(self, counter: int, slow: Mapping[str, int], view: View) -> Specialized | None:
        """The instruction at `counter`; None where its fetch changes the state.

        The state is the current one. Its counter, what is slow and the cells that are read decide the fetch.
        """
        evaluation, reads = view.noting()
        state, old = self.state(counter, slow), self.machine.variables
        taken = next((trap for trap in self._fetch.traps if evaluation.value(trap.guard)), None)
        if taken is None and any(evaluation.value(t) != evaluation.value(old[n]) for n, t in self._changed.items()):
            return None
        word = int(evaluation.value(self._word)) if taken is None else 0
        found = self._interpreter.decode(word) if taken is None else None
        cells = dict(sorted(reads.items()))
        if found is None:
            # Every cell counts: with another one it may be an instruction.
            trap = Trap(UNDEFINED, TRUE, {})
            if taken is not None:
                constants = {old[name]: term for name, term in state.items() if term is not old[name]}
                details = substitute(taken.details.values(), constants)
                trap = Trap(taken.cause, TRUE, dict(zip(taken.details, details, strict=True)))
            return Specialized(None, cells, Outcome((trap,), state), self._fetch_reads)
        instruction, fields = found
        count = self._needed(instruction, fields.get("length"), state, cells, evaluation)
        outcome, more = self._run(instruction, fields, state)
        return Specialized(instruction, dict(list(cells.items())[:count]), outcome, self._fetch_reads | more)

    def _run(
        self, instruction: Instruction, fields: Mapping[str, int], state: Mapping[str, Term]
    ) -> tuple[Outcome, set[str]]:
        machine, encoding = self.machine, instruction.encoding
        cpu = machine.cpu(state, machine.constants())
        tracked = _Tracked(state)
        object.__setattr__(cpu, "_state", tracked)
        if machine.begin is not None:
            length = (
                encoding.length if encoding.length.is_constant else constant(fields["length"], encoding.length.sort)
            )
            machine.begin(cpu, length)
        instruction.meaning(cpu, **{name: constant(fields[name], t.sort) for name, t in encoding.fields.items()})
        read = set(tracked.read)
        return cpu.outcome(), read

    def delivered(
        self, cause: Cause, details: Mapping[str, Term], state: Mapping[str, Term]
    ) -> tuple[Outcome, frozenset[str]]:
        """What the machine does for a trap, from the state before the instruction, and what it reads."""
        machine = self.machine
        assert machine.deliver is not None
        cpu = machine.cpu(state, machine.constants())
        tracked = _Tracked(state)
        object.__setattr__(cpu, "_state", tracked)
        machine.deliver(cpu, cause, details)
        read = frozenset(tracked.read)
        return cpu.outcome(), read

    def _needed(
        self,
        instruction: Instruction,
        length: int | None,
        state: Mapping[str, Term],
        cells: Mapping[Cell, int],
        evaluation: Evaluation,
    ) -> int:
        """How many of the cells, in their order, decide the traps of the fetch, the instruction and its operands."""
        if not self._direct:
            return len(cells)
        encoding, values = instruction.encoding, list(cells.values())
        if length is None:
            assert encoding.length.is_constant
            length = encoding.length.value
        for count in range(min(max(length, 1), len(cells)), len(cells)):
            key = (instruction, tuple(values[:count]))
            if key not in self._lengths:
                first = dict(list(cells.items())[:count])
                self._lengths[key] = self._decided(instruction, state, first, evaluation)
            if self._lengths[key]:
                return count
        return len(cells)

    def _decided(
        self, instruction: Instruction, state: Mapping[str, Term], cells: Mapping[Cell, int], evaluation: Evaluation
    ) -> bool:
        """Whether these cells decide all that `_needed` names."""
        encoding = instruction.encoding
        known = {v: state[n] for n, v in self.machine.variables.items() if state[n] is not v}
        for node in topological(self._roots):
            if node.op == "select":
                cell = (node.args[0].name, int(evaluation.value(node.args[1])))
                if cell in cells:
                    known[node] = bits(cells[cell], node.width)
        word, *guards = substitute(self._roots, known)
        terms = [encoding.matches, encoding.length, *encoding.fields.values()]
        terms = substitute(terms, {var(WORD, word.sort): word})
        return all(term.is_constant for term in (*terms, *guards))
