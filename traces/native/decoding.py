"""Decoding as code: a tree of tables over the bits that tell encodings apart, then the encodings' own conditions.

A decoded instruction is an entry in memory: the cells that were fetched, the number of what executes them, and the
operands. Decoding depends on the cells alone, so an entry whose cells are those just fetched is right whatever has
been stored or mapped in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ringproof.model.encoding import WORD
from ringproof.model.machine import Machine
from ringproof.model.terms import ArraySort, Term, concat, substitute, topological, var
from ringproof.model.terms.sorts import BitVec
from ringproof.traces.interpreter import fixed_bits

from .emit import Emitter, Support, write_slot
from .entries import Entry, operand_slots
from .graph import Graph, Plan, distance
from .layout import ENTRY, Slot
from .wasm import I32, Function, Module, Op

RAW = "$raw"
WINDOW = 8


@dataclass(frozen=True)
class Fetched:
    """What a fetch reads: `cells` are terms of 64 bits over the state, `word` and `known` terms over `RAW`.

    `replace` puts RAW into terms that read the same cells.
    """

    cells: tuple[Term, ...]
    word: Term
    replace: dict[Term, Term]

    @classmethod
    def of(cls, word: Term) -> Fetched:
        """Neighbouring bytes where the word depends on nothing else, else the word itself."""
        reads = [node for node in topological([word]) if node.op == "select"]
        order = _neighbours(reads)
        if order is not None:
            count = -(-len(order) // 8)
            raw = var(RAW, BitVec(64 * count))
            replace = {read: raw[8 * n + 7 : 8 * n] for n, read in enumerate(order)}
            (over_raw,) = substitute([word], replace)
            if all(node.name == RAW for node in topological([over_raw]) if node.op == "var"):
                cells = [concat(*reversed(order[8 * n : 8 * n + 8])).zext(64) for n in range(count)]
                return cls(tuple(cells), over_raw, replace)
        count = -(-word.width // 64)
        whole, raw = word.zext(64 * count), var(RAW, BitVec(64 * count))
        cells = [whole[64 * n + 63 : 64 * n] for n in range(count)]
        return cls(tuple(cells), raw[word.width - 1 : 0], {word: raw[word.width - 1 : 0]})


def _neighbours(reads: Sequence[Term]) -> list[Term] | None:
    """Reads of byte cells by address, if they are neighbours in one array."""
    if not reads or any(read.args[0] is not reads[0].args[0] or read.width != 8 for read in reads):
        return None
    modulus = 1 << reads[0].args[1].width
    by_place: dict[int, Term] = {}
    for read in reads:
        place = distance(reads[0].args[1], read.args[1])
        if place is None:
            return None
        by_place[place if place < modulus // 2 else place - modulus] = read
    low = min(by_place)
    if sorted(by_place) != list(range(low, low + len(by_place))):
        return None
    return [by_place[low + n] for n in range(len(by_place))]


class Decoder:
    """Writes the function that decodes the word in `word` (an absolute slot) into an entry; it returns a number.

    The number is that of what executes the instruction, or `undefined`: `choose(f, position)` pushes it for
    the instruction at `position` in the machine's order, whose number, from 1 on, is left in the entry too.
    """

    def __init__(
        self,
        machine: Machine,
        module: Module,
        support: Support,
        word: Slot,
        entry: Entry,
        choose: Callable[[Function, int], None],
    ) -> None:
        self._machine = machine
        self._module = module
        self._support = support
        self._slots = {WORD: word}
        self._entry = entry
        self._choose = choose
        self._writers: dict[tuple[int, ...], int] = {}
        self._attempts: dict[int, int] = {}
        self._found = 0
        self._instructions = machine.instructions
        width = machine.word.width
        self._fixed = [fixed_bits(i.encoding.matches, width) for i in machine.instructions]

    def function(self, undefined: int) -> int:
        f = Function("decode", (I32,), (I32,))
        self._found = f.local(I32)
        self._tree(f, tuple(range(len(self._instructions))), 0)
        f.const(I32, undefined)
        return self._module.define(f)

    def _tree(self, f: Function, candidates: tuple[int, ...], seen: int) -> None:
        """Returns from `f` with the first candidate that matches; falls through where none does."""
        window = self._window(candidates, seen) if len(candidates) > 2 else None
        if window is None:
            for number in candidates:
                self._leaf(f, number)
            return
        low, width = window
        buckets: dict[tuple[int, ...], list[int]] = {}
        for value in range(1 << width):
            inside = tuple([n for n in candidates if self._fits(n, low, width, value)])
            buckets.setdefault(inside, []).append(value)
        end = f.block()
        marks: dict[tuple[int, ...], int] = {}
        for bucket in buckets:
            marks[bucket] = f.block() if bucket else end
        where = {value: marks[bucket] for bucket, values in buckets.items() for value in values}
        self._with_terms(f, lambda e, t: e.value(t), var(WORD, self._machine.word)[low + width - 1 : low])
        f.branch_table([where[value] for value in range(1 << width)], end)
        for bucket in reversed([b for b in buckets if b]):
            f.end()
            self._tree(f, bucket, seen | ((1 << width) - 1) << low)
            f.branch(end)
        f.end()

    def _fits(self, number: int, low: int, width: int, value: int) -> bool:
        mask, wanted = self._fixed[number]
        within = mask >> low & (1 << width) - 1
        return value & within == wanted >> low & within

    def _window(self, candidates: tuple[int, ...], seen: int) -> tuple[int, int] | None:
        """The bits (lowest, count) that divide the candidates best."""
        best, found = 0.9 * len(candidates), None
        size = min(WINDOW, self._machine.word.width)
        fresh = [self._fixed[n][0] & ~seen for n in candidates]
        used = 0
        for mask in fresh:
            used |= mask
        for low in range(self._machine.word.width - size + 1):
            if not used >> low & (1 << size) - 1:
                continue
            left = sum([0.5 ** (mask >> low & (1 << size) - 1).bit_count() for mask in fresh])
            if left < best:
                best, found = left, (low, size)
        return found

    def _leaf(self, f: Function, number: int) -> None:
        f.get(0)
        f.call(self._attempt(number))
        f.tee(self._found)
        f.if_()
        f.get(self._found)
        f.op(Op.RETURN)
        f.end()

    def _attempt(self, number: int) -> int:
        """The function that decodes the word as the instruction `number`, and returns 0 where it is another.

        A tree comes to one instruction at many leaves.
        """
        if number not in self._attempts:
            encoding = self._instructions[number].encoding
            f = Function("attempt", (I32,), (I32,))
            self._with_terms(f, lambda e, t: e.value(t), encoding.matches)
            f.if_()
            f.get(0)
            f.call(self._writer(number))
            f.get(ENTRY)
            f.const(I32, number + 1)
            f.store(I32, 4, self._entry.number)
            self._choose(f, number)
            f.op(Op.RETURN)
            f.end()
            f.const(I32, 0)
            self._attempts[number] = self._module.define(f)
        return self._attempts[number]

    def _writer(self, number: int) -> int:
        """The function that writes the operands into the entry; forms with the same operands share one."""
        encoding = self._instructions[number].encoding
        terms = list(encoding.fields.values()) + ([] if encoding.length.is_constant else [encoding.length])
        key = tuple([id(term) for term in terms])
        if key not in self._writers:
            slots, _ = operand_slots(self._instructions[number], self._entry.first_operand, 0)
            f = Function("operands", (I32,), ())

            def write(e: Emitter, *terms: Term) -> None:
                for term, slot in zip(terms, slots.values(), strict=True):
                    write_slot(e, term, slot)

            self._with_terms(f, write, *terms)
            self._writers[key] = self._module.define(f)
        return self._writers[key]

    def _with_terms(self, f: Function, use: Callable[..., None], *terms: Term) -> None:
        plan = Plan(Graph())
        for term in terms:
            plan.use(term, plan.root)
        plan.settle()
        emitter = Emitter(f, plan, self._slots, self._support)
        emitter.open(plan.root)
        use(emitter, *terms)


def writes_of(outcome_state: dict[str, Term]) -> int:
    """How many cells an outcome writes at most."""
    total = 0
    for term in outcome_state.values():
        while isinstance(term.sort, ArraySort) and term.op == "store":
            total, term = total + 1, term.args[0]
    return total
