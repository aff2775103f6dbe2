"""One of several components by number, as the models write register files: an indexed load, an indexed store.

A choice among variables whose conditions depend on a small number alone *is* an indexed load; new values of
variables, each under the condition that the number is its own, are an indexed store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from ringproof.model.terms import BitVecSort, Term, all_of, concat

from .layout import Slot
from .wasm import I32, I64, Function, Op

WIDEST_NUMBER = 4


@dataclass(frozen=True, eq=False)
class Place:
    """`size` bytes from the address in the local variable `base` (0 where it is None) plus `offsets[number]`.

    `number` is None for a place that depends on none; `offsets` has an entry for each of its values.
    """

    number: Term | None
    base: int | None
    size: int
    offsets: tuple[int, ...]
    names: frozenset[str]

    @property
    def offset(self) -> int:
        return min(self.offsets)

    @property
    def steps(self) -> tuple[int, tuple[int, ...]]:
        """The distance of which all are multiples, and the multiple for each value of the number."""
        low = self.offset
        step = gcd(*[offset - low for offset in self.offsets])
        return step, tuple([(offset - low) // step for offset in self.offsets])


@dataclass(frozen=True, eq=False)
class Truth:
    """For which values of `number` a condition holds, as a bit mask."""

    number: Term
    mask: int


def leaf(node: Term, slots: Mapping[str, Slot]) -> Place | None:
    """The place of a variable or of whole bytes of one."""
    source, low, width = (node.args[0], node.data, node.width) if node.op == "extract" else (node, 0, 0)
    if source.op != "var" or not isinstance(source.sort, BitVecSort) or source.width > 64 or source.name not in slots:
        return None
    assert isinstance(low, int)
    if low % 8 or width not in (0, 8, 16, 32):
        return None
    slot = slots[source.name]
    size = width // 8 if width else 4 if source.width <= 32 else 8
    return Place(None, slot.base, size, (slot.offset + low // 8,), frozenset([source.name]))


def choice(truth: Truth | None, then: Place | None, other: Place | None) -> Place | None:
    """The place that a choice between two places has, if they have one number in common."""
    if truth is None or then is None or other is None or then.size != other.size or then.base != other.base:
        return None
    number = truth.number
    if any(place.number is not None and place.number is not number for place in (then, other)):
        return None
    count = 1 << number.width
    tables = [place.offsets if place.number is not None else place.offsets * count for place in (then, other)]
    offsets = tuple([tables[0 if truth.mask >> value & 1 else 1][value] for value in range(count)])
    place = Place(number, then.base, then.size, offsets, then.names | other.names)
    return place if len(set(offsets)) > 1 and max(place.steps[1]) < 16 else None


def truth(node: Term, known: Mapping[int, Truth]) -> Truth | None:
    """For which values of a small number the condition `node` holds; `known` has that of its arguments."""
    op, args = node.op, node.args
    if op == "eq":
        constant, piece = args if args[0].op == "const" else args[::-1]
        if constant.op != "const" or not isinstance(piece.sort, BitVecSort):
            return None
        number, low = piece, 0
        if piece.op == "extract" and piece.args[0].width <= WIDEST_NUMBER:
            assert isinstance(piece.data, int)
            number, low = piece.args[0], piece.data
        if number.width > WIDEST_NUMBER:
            return None
        inside = (1 << piece.width) - 1
        values = [value for value in range(1 << number.width) if value >> low & inside == constant.value]
        return Truth(number, sum([1 << value for value in values]))
    if op not in ("and", "or", "not"):
        return None
    found = [known[id(arg)] for arg in args if id(arg) in known]
    if len(found) < len(args) or any(part.number is not found[0].number for part in found):
        return None
    everything = (1 << (1 << found[0].number.width)) - 1
    mask = found[0].mask
    for part in found[1:]:
        mask = mask & part.mask if op == "and" else mask | part.mask
    return Truth(found[0].number, mask ^ everything if op == "not" else mask)


def push_displacement(f: Function, place: Place) -> None:
    """Turns the number on the stack into the distance from the place's lowest offset."""
    step, multiples = place.steps
    if multiples != tuple(range(len(multiples))):
        _look_up(f, multiples)
    if step > 1:
        f.const(I32, step)
        f.op(Op.I32_MUL)


def _look_up(f: Function, multiples: Sequence[int]) -> None:
    """Turns a number into its entry of a table of at most 16 numbers of 4 bits."""
    table = sum([multiple << (4 * value) for value, multiple in enumerate(multiples)])
    held = f.local(I32)
    f.const(I32, 2)
    f.op(Op.I32_SHL)
    f.set(held)
    if len(multiples) > 8:
        f.const(I64, table)
        f.get(held)
        f.op(Op.EXTEND_U, Op.I64_SHR_U, Op.WRAP)
    else:
        f.const(I32, table)
        f.get(held)
        f.op(Op.I32_SHR_U)
    f.const(I32, 15)
    f.op(Op.I32_AND)


@dataclass(frozen=True, eq=False)
class IndexedWrite:
    """Where `guard` holds, `value` goes to `place`, which has a number."""

    place: Place
    value: Term
    guard: Term

    @property
    def number(self) -> Term:
        assert self.place.number is not None
        return self.place.number

    @property
    def kind(self) -> int:
        return I64 if self.place.size == 8 else I32


@dataclass(frozen=True, eq=False)
class _Layer:
    """A term as a choice by a number's value, under a further condition: the cases, and what it is otherwise."""

    cases: Mapping[int, Term]
    guard: Term
    rest: Term


def peel(
    items: Sequence[tuple[str, Term]], variables: Mapping[str, Term], slots: Mapping[str, Slot]
) -> tuple[list[tuple[str, Term]], list[IndexedWrite]]:
    """Takes the indexed writes out of assignments; what is left, and the writes in the order to make them."""
    left = dict(items)
    writes: list[IndexedWrite] = []
    while True:
        found = _outermost(left, variables, slots)
        if found is None:
            rest = [(name, term) for name, term in left.items() if term is not variables[name]]
            return rest, writes[::-1]
        write, rests = found
        writes.append(write)
        left.update(rests)


def _outermost(
    items: Mapping[str, Term], variables: Mapping[str, Term], slots: Mapping[str, Slot]
) -> tuple[IndexedWrite, dict[str, Term]] | None:
    """An indexed write that comes last, and what the components are before it."""
    numbers: dict[int, Term] = {}
    for term in items.values():
        if term.op == "ite":
            numbers.update({id(number): number for number, _ in _numbers(term.args[0])})
    for number in numbers.values():
        layers = {name: layer for name, term in items.items() if (layer := _layer(term, number)) is not None}
        write = _indexed(number, layers, variables, slots) if len(layers) > 1 else None
        if write is not None:
            return write, {name: layer.rest for name, layer in layers.items()}
    return None


def _conjuncts(condition: Term) -> tuple[Term, ...]:
    return condition.args if condition.op == "and" else (condition,)


def _numbers(condition: Term) -> list[tuple[Term, int]]:
    """The small numbers that a condition asks to have a certain value, with the value."""
    found = []
    for part in _conjuncts(condition):
        if part.op == "eq":
            constant, piece = part.args if part.args[0].op == "const" else part.args[::-1]
            if constant.op == "const" and isinstance(piece.sort, BitVecSort) and 1 < piece.width <= WIDEST_NUMBER:
                found.append((piece, constant.value))
    return found


def _layer(term: Term, number: Term) -> _Layer | None:
    cases: dict[int, Term] = {}
    others: list[Term] = []
    while term.op == "ite":
        condition, then, other = term.args
        values = [value for piece, value in _numbers(condition) if piece is number]
        if len(values) != 1 or values[0] in cases:
            break
        rest = [c for c in _conjuncts(condition) if not any(piece is number for piece, _ in _numbers(c))]
        if cases and {id(c) for c in rest} != {id(c) for c in others}:
            break
        others, term = rest, other
        cases[values[0]] = then
    return _Layer(cases, all_of(*others), term) if cases else None


def _indexed(
    number: Term, layers: Mapping[str, _Layer], variables: Mapping[str, Term], slots: Mapping[str, Slot]
) -> IndexedWrite | None:
    """The one write that all cases of all components make, if they do."""
    offsets: dict[int, int] = {}
    value: Term | None = None
    guard: Term | None = None
    bases = set()
    for name, layer in layers.items():
        if guard is not None and layer.guard is not guard:
            return None
        guard = layer.guard
        bases.add(slots[name].base)
        for case, term in layer.cases.items():
            part = _written(term, variables[name])
            if part is None or case in offsets or (value is not None and part[1] is not value):
                return None
            low, value = part
            offsets[case] = slots[name].offset + low // 8
    if value is None or guard is None or len(offsets) != 1 << number.width or len(bases) != 1:
        return None
    size = value.width // 8
    place = Place(number, bases.pop(), size, tuple([offsets[v] for v in sorted(offsets)]), frozenset(layers))
    return IndexedWrite(place, value, guard) if max(place.steps[1]) < 16 else None


def _written(term: Term, old: Term) -> tuple[int, Term] | None:
    """Which whole bytes of `old` a new value replaces, as the lowest bit and what goes there."""
    if not isinstance(old.sort, BitVecSort) or old.width not in (32, 64):
        return None
    if term.op != "concat":
        return 0, term
    parts, low, high = list(term.args), 0, old.width
    first, last = parts[0], parts[-1]
    if first.op == "extract" and first.args[0] is old and first.data == old.width - first.width:
        high -= first.width
        parts = parts[1:]
    if parts and last.op == "extract" and last.args[0] is old and last.data == 0:
        low = last.width
        parts = parts[:-1]
    if not parts or low % 8 or high - low not in (8, 16, 32, 64):
        return None
    return low, concat(*parts) if len(parts) > 1 else parts[0]
