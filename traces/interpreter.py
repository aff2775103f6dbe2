"""The reference interpreter: it runs a machine's instructions on concrete states, from the same terms as the proofs.

A state is a dictionary from component name to integer, truth value or `Cells`. The Python of each
instruction is generated when it is first run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from ringproof.model.cpu import Cause, Kind, Outcome
from ringproof.model.encoding import WORD
from ringproof.model.machine import Instruction, Machine
from ringproof.model.terms import ArraySort, BitVec, Term, var, variables

from .python_code import Cells, Source, compile_terms, default_value, define, guarded_writes

Value: TypeAlias = int | Cells
State: TypeAlias = dict[str, Any]
Fields: TypeAlias = Mapping[str, int]

UNDEFINED = Cause("undefined instruction", Kind.UNDEFINED)
OMITTED = Cause("instruction left out of the model", Kind.UNSUPPORTED)


@dataclass(frozen=True)
class Trapped:
    """A trap that was taken instead of completing: its cause, and the details' values and widths (else 32 bits)."""

    cause: Cause
    details: Mapping[str, int]
    widths: Mapping[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Step:
    """One step of a run: what was executed (None where no instruction was reached) and the trap, if any."""

    word: int | None
    instruction: Instruction | None
    fields: Fields
    trapped: Trapped | None


class Interpreter:
    """Runs the instructions of one machine.

    >>> from ringproof.model.third_generation import third_generation
    >>> interpreter = Interpreter(third_generation())
    >>> state = interpreter.initial(b=8)
    >>> interpreter.execute(interpreter.named("JUMP"), {"a": 5}, state), state["P"]
    (None, 5)
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._compiled: dict[Instruction, Callable[..., Any]] = {}
        self._outcomes: dict[Instruction, Outcome] = {}
        self._decoded: dict[int, tuple[Instruction, Fields] | None] = {}
        self._readers: dict[Instruction, Callable[..., Any]] = {}
        self._deliveries: dict[tuple[Cause, tuple[tuple[str, int], ...]], Callable[..., Any]] = {}

    def initial(self, **values: Value) -> State:
        """The state with every component zero but for `values`."""
        state: State = {name: default_value(c.sort) for name, c in self.machine.components.items()}
        for name, value in values.items():
            if name not in state:
                raise KeyError(f"{self.machine.name} has no component named {name}")
            state[name] = value
        return state

    def named(self, name: str) -> Instruction:
        """The first instruction form of the classification row `name`."""
        for instruction in self.machine.instructions:
            if instruction.name == name:
                return instruction
        raise KeyError(f"{self.machine.name} has no instruction named {name}")

    def outcome(self, instruction: Instruction) -> Outcome:
        """The outcome of `instruction`, built once."""
        found = self._outcomes.get(instruction)
        if found is None:
            found = self._outcomes[instruction] = self.machine.outcome(instruction)
        return found

    def execute(self, instruction: Instruction, fields: Fields, state: State) -> Trapped | None:
        """Runs `instruction` on `state` in place. A trap leaves the state as it was and is returned."""
        function = self._compiled.get(instruction)
        if function is None:
            outcome = self.outcome(instruction)
            function = self._compiled[instruction] = transition(self.machine, outcome)
        return _trapped(self.outcome(instruction), function(state, fields))

    # Programs.

    def decode(self, word: int) -> tuple[Instruction, Fields] | None:
        """The instruction of `word` and its operands, or None where the machine defines none."""
        if word not in self._decoded:
            if len(self._decoded) > 1 << 16:
                self._decoded.clear()
            self._decoded[word] = self._decode(word)
        return self._decoded[word]

    @cached_property
    def _candidates(self) -> list[tuple[int, int, Instruction]]:
        return [(*fixed_bits(i.encoding.matches, self.machine.word.width), i) for i in self.machine.instructions]

    def _decode(self, word: int) -> tuple[Instruction, Fields] | None:
        for mask, value, instruction in self._candidates:
            if word & mask == value:
                matches, fields = self.operands(instruction, word)
                if matches:
                    return instruction, fields
        return None

    def operands(self, instruction: Instruction, word: int) -> tuple[bool, Fields]:
        """Whether `word` is one of the instruction's, and the operands that it would have."""
        reader = self._readers.get(instruction)
        encoding = instruction.encoding
        if reader is None:
            roots = [encoding.matches, encoding.length, *encoding.fields.values()]
            reader = self._readers[instruction] = compile_terms(roots)
        matches, length, *values = reader({WORD: word})
        fields = dict(zip(encoding.fields, values, strict=True))
        if not encoding.length.is_constant:
            fields["length"] = length
        return bool(matches), fields

    def fetch(self, state: State) -> tuple[int | None, Trapped | None]:
        """The instruction word at the program counter, or the fetch's trap. A fetch may change the state."""
        found: dict[str, int] = {}
        trapped = self._fetch(state, found)
        return found.get(WORD), trapped

    def perform(self, word: int, state: State) -> Step:
        """Decodes and executes a word; a trap leaves the state as it was and is not delivered."""
        decoded = self.decode(word)
        if decoded is None:
            return Step(word, None, {}, Trapped(UNDEFINED, {}))
        instruction, fields = decoded
        return Step(word, instruction, fields, self.execute(instruction, fields, state))

    def attempt(self, state: State) -> Step:
        """Fetches, decodes and executes one instruction; its trap is not delivered."""
        word, trapped = self.fetch(state)
        return Step(None, None, {}, trapped) if trapped is not None or word is None else self.perform(word, state)

    def step(self, state: State) -> Step:
        """Fetches, decodes and executes one instruction, and delivers its trap if it has one."""
        step = self.attempt(state)
        if step.trapped is not None and self.machine.deliver is not None:
            self.deliver(step.trapped, state)
        return step

    def run(self, state: State, limit: int, until: Callable[[State], bool] | None = None) -> int:
        """Steps at most `limit` times or until `until(state)`; the number of steps taken."""
        for count in range(limit):
            if until is not None and until(state):
                return count
            self.step(state)
        return limit

    def deliver(self, trapped: Trapped, state: State) -> Trapped | None:
        """Carries out a trap as the machine does; a trap of the delivery itself is returned."""
        machine = self.machine
        assert machine.deliver is not None
        widths = tuple([(name, trapped.widths.get(name, 32)) for name in trapped.details])
        key = (trapped.cause, widths)
        if key not in self._deliveries:
            details = {name: var(f"${name}", BitVec(width)) for name, width in widths}
            outcome = machine.run(lambda cpu: machine.deliver(cpu, trapped.cause, details))  # type: ignore[misc]
            run = transition(machine, outcome)
            self._deliveries[key] = lambda state, fields: _trapped(outcome, run(state, fields))
        return self._deliveries[key](state, trapped.details)  # type: ignore[no-any-return]

    @cached_property
    def _fetcher(self) -> tuple[Outcome, Callable[..., Any], Callable[..., Any]]:
        machine, words = self.machine, []
        if machine.fetch is None:
            raise ValueError(f"{machine.name} does not say how it fetches instructions")
        outcome = machine.run(lambda cpu: words.append(machine.fetch(cpu)))  # type: ignore[misc]
        return outcome, transition(machine, outcome), compile_terms(words)

    def _fetch(self, state: State, found: dict[str, int]) -> Trapped | None:
        outcome, run, read = self._fetcher
        trapped = _trapped(outcome, run(state, {}))
        if trapped is None:
            (found[WORD],) = read(state)
        return trapped


def _trapped(outcome: Outcome, result: Any) -> Trapped | None:
    if result is None:
        return None
    trap = outcome.traps[result[0]]
    widths = {name: term.width for name, term in trap.details.items()}
    return Trapped(trap.cause, dict(zip(trap.details, result[1:], strict=True)), widths)


def transition(machine: Machine, outcome: Outcome) -> Callable[[State, Fields], tuple[int, ...] | None]:
    """The function that carries out `outcome` on a state in place, or returns the trap's number and details."""
    changed = {n: t for n, t in outcome.state.items() if t is not machine.variables[n]}
    plain = {n: t for n, t in changed.items() if not isinstance(t.sort, ArraySort)}
    writes = [(n, w) for n, t in changed.items() if isinstance(t.sort, ArraySort) for w in guarded_writes(t)]
    roots = [t for trap in outcome.traps for t in (trap.guard, *trap.details.values())]
    roots += [*plain.values(), *[part for _, write in writes for part in write]]
    source = Source(_inputs(machine, roots), roots)
    for number, trap in enumerate(outcome.traps):
        guard = source.expression(trap.guard)
        details = "".join(f", {source.expression(d)}" for d in trap.details.values())
        source.lines.append(f"if {guard}: return ({number}{details},)")
    updates = [f"s[{name!r}] = {source.expression(term)}" for name, term in plain.items()]
    stores = []
    for name, write in writes:
        # Every part is computed before the first store is made: a stored value may be read from the old memory.
        place, new, when = (source.settled(part) for part in write)
        stores.append(f"s[{name!r}][{place}] = {new}" if when == "True" else f"if {when}: s[{name!r}][{place}] = {new}")
    source.lines += updates + stores
    return define(source, "s, f")


def _inputs(machine: Machine, roots: list[Term]) -> dict[Term, str]:
    texts = {variable: f"s[{name!r}]" for name, variable in machine.variables.items()}
    for node in variables(roots):
        if node not in texts:
            texts[node] = f"f[{node.name.removeprefix('$')!r}]"
    return texts


def fixed_bits(matches: Term, width: int) -> tuple[int, int]:
    """The bits (mask, value) of a word that `matches` plainly asks for; a necessary condition only."""
    mask = value = 0
    for part in matches.args if matches.op == "and" else (matches,):
        if part.op == "not" and part.args[0].op == "eq":
            continue
        if part.op != "eq":
            continue
        for constant, piece in (part.args, part.args[::-1]):
            if constant.op == "const" and piece.op == "extract" and piece.args[0].op == "var":
                assert isinstance(piece.data, int)
                mask |= ((1 << piece.width) - 1) << piece.data
                value |= constant.value << piece.data
    return mask & ((1 << width) - 1), value
