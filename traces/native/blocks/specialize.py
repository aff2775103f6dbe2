"""One instruction at one place: its outcome with the program counter, its word and what rarely changes as constants.

What rarely changes is *slow*: modes and resources, and whatever else says which instruction is fetched. An outcome
is made by running the machine's own fetch and meaning on a state that has constants in these places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ringproof.model.cpu import Cause, Outcome, Trap
from ringproof.model.encoding import WORD
from ringproof.model.machine import Instruction, Machine, Role
from ringproof.model.terms import TRUE, ArraySort, Term, bits, substitute, topological, var
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
        outcome = machine.run(lambda cpu: words.append(fetch(cpu)))
        roots = [*words, *[trap.guard for trap in outcome.traps]]
        fetched = {node.name for node in topological(roots) if node.op == "var"} - {machine.counter}
        self.slow = tuple(
            [
                name
                for name, component in machine.components.items()
                if not isinstance(component.sort, ArraySort)
                and (component.role in (Role.MODE, Role.RESOURCE) or name in fetched)
                and name != machine.counter
            ]
        )

    def state(self, counter: int, slow: Mapping[str, int]) -> dict[str, Term]:
        """The machine's variables, but constants for the program counter and what is slow."""
        machine, state = self.machine, dict(self.machine.variables)
        for name, value in (*slow.items(), (machine.counter, counter)):
            state[name] = constant(value, machine.components[name].sort)
        return state

    def at(self, counter: int, slow: Mapping[str, int], view: View) -> Specialized | None:
        """The instruction at `counter`; None where which it is does not depend on cells at fixed places alone."""
        machine, state = self.machine, self.state(counter, slow)
        cpu = machine.cpu(state, machine.constants())
        tracked = _Tracked(state)
        object.__setattr__(cpu, "_state", tracked)
        assert machine.fetch is not None
        word = machine.fetch(cpu)
        read = set(tracked.read)
        fetch = cpu.outcome()
        guards = [trap.guard for trap in fetch.traps]
        changed = {name: term for name, term in fetch.state.items() if term is not state[name]}
        cells = _cells([word, *guards, *changed.values()])
        values = {node: view.cell(*cell) for node, cell in cells.items()}
        known = {node: bits(value, node.width) for node, value in values.items()}
        nested = False
        whole, *decided = substitute([word, *guards, *changed.values()], known)
        while deeper := _cells([whole, *decided]):
            # A table of pages, say: what was read says where to read on.
            nested = True
            cells |= deeper
            values |= {node: view.cell(*cell) for node, cell in deeper.items()}
            known |= {node: bits(values[node], node.width) for node in deeper}
            whole, *decided = substitute([whole, *decided], known)
        if not all(term.is_constant for term in (whole, *decided)):
            return None
        if any(new is not state[name] for new, name in zip(decided[len(guards) :], changed, strict=True)):
            return None
        taken = next((trap for trap, guard in zip(fetch.traps, decided, strict=False) if guard is TRUE), None)
        found = self._interpreter.decode(whole.value) if taken is None else None
        if found is None:
            # Every cell counts: with another one it may be an instruction.
            trap = Trap(UNDEFINED, TRUE, {}) if taken is None else Trap(taken.cause, TRUE, taken.details)
            every = {cells[node]: value for node, value in values.items()}
            return Specialized(None, every, Outcome((trap,), state), frozenset(read))
        instruction, fields = found
        count = len(cells)
        if not nested:
            count = self._needed(instruction, fields.get("length"), [word, *guards], list(cells), known)
        kept = {cells[node]: values[node] for node in list(cells)[:count]}
        outcome, more = self._run(instruction, fields, state)
        return Specialized(instruction, kept, outcome, frozenset(read | more))

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

    def delivered(self, cause: Cause, details: Mapping[str, Term], state: Mapping[str, Term]) -> Outcome:
        """What the machine does for a trap, from the state before the instruction."""
        machine = self.machine
        assert machine.deliver is not None
        cpu = machine.cpu(state, machine.constants())
        machine.deliver(cpu, cause, details)
        return cpu.outcome()

    def _needed(
        self,
        instruction: Instruction,
        length: int | None,
        fetched: list[Term],
        cells: list[Term],
        known: Mapping[Term, Term],
    ) -> int:
        """How many of the cells, in their order, decide the traps of the fetch, the instruction and its operands.

        `fetched` are the word and the traps' guards.
        """
        encoding = instruction.encoding
        if length is None:
            assert encoding.length.is_constant
            length = encoding.length.value
        for count in range(min(max(length, 1), len(cells)), len(cells)):
            key = (instruction, tuple([known[cell].value for cell in cells[:count]]))
            if key not in self._lengths:
                word, *guards = substitute(fetched, {cell: known[cell] for cell in cells[:count]})
                terms = [encoding.matches, encoding.length, *encoding.fields.values()]
                terms = substitute(terms, {var(WORD, word.sort): word})
                self._lengths[key] = all(term.is_constant for term in (*terms, *guards))
            if self._lengths[key]:
                return count
        return len(cells)


def _cells(terms: list[Term]) -> dict[Term, Cell]:
    """The reads at constant indices below `terms` with their cells, by index."""
    cells = {
        node: (node.args[0].name, node.args[1].value)
        for node in topological(terms)
        if node.op == "select" and node.args[1].is_constant
    }
    return dict(sorted(cells.items(), key=lambda item: item[1]))
