"""Code for terms: values on WebAssembly's stack, as i32 up to 32 bits, as i64 up to 64, wider ones in limbs.

Unused high bits are always zero; a Bool is 0 or 1. Every operation is total as the terms say: a shift by the width
or more, a division by zero. `wide` has the operations on limbs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ringproof.model.terms import ArraySort, BitVecSort, BoolSort, Term
from ringproof.model.terms.bitvector import upper_bound

from . import wide
from .graph import Plan, Region, Run
from .layout import Layout, Slot, kind_of, limbs_of
from .memory import Memory
from .picks import Place, push_displacement
from .wasm import I32, I64, Function, Module, Op

CHEAP = 10
"""An arm or a condition that costs no more than this is computed without a branch."""

TO_I64 = 0x12
"""From an i32 arithmetic instruction to the i64 one."""


@dataclass(frozen=True)
class Support:
    """The functions of a module that the code of terms calls."""

    memory: Memory
    wide: wide.WideFunctions

    @classmethod
    def of(cls, module: Module, layout: Layout, reserve: int, *, logged: bool = False) -> Support:
        return cls(Memory(module, layout, reserve, logged=logged), wide.WideFunctions(module))


class Emitter:
    """Writes the code of one function's terms into `f`, where `plan` says.

    `slots` has the place of each variable by name. Reading a component after `dirty` has its name is noted in
    `hazards` instead of being right: the caller then plans again, with those nodes computed earlier.
    """

    def __init__(self, f: Function, plan: Plan, slots: Mapping[str, Slot], support: Support) -> None:
        self.f = f
        self.plan = plan
        self.memory = support.memory
        self.wide_functions = support.wide
        self.dirty: set[str] = set()
        self.hazards: dict[int, Term] = {}
        self._slots = slots
        self._args = plan.graph.args
        self._locals: dict[int, tuple[int, ...]] = {}
        self._scratch: dict[tuple[int, int], int] = {}
        self._narrow: dict[str, Callable[[Term], None]] = {
            "const": self._const, "var": self._var, "extract": self._extract, "concat": self._concat,
            "add": self._add, "mul": self._mul, "bvand": self._bitwise, "bvor": self._bitwise,
            "bvxor": self._bitwise, "bvnot": self._not_bits, "sext": self._sext, "shl": self._shift,
            "lshr": self._shift, "ashr": self._ashr, "udiv": self._divide, "urem": self._divide,
            "sdiv": self._sdiv, "srem": self._srem, "eq": self._eq, "ult": self._ult, "slt": self._slt,
            "not": self._not, "and": self._logic, "or": self._logic, "ite": self._ite, "select": self._select,
        }  # fmt: skip

    # Regions and values.

    def open(self, region: Region) -> None:
        """Computes the nodes that `region` keeps."""
        for node in region.nodes:
            self._keep(node)

    def _keep(self, node: Term) -> None:
        if isinstance(node.sort, BitVecSort) and node.sort.width > 64:
            self._locals[id(node)] = wide.compute(self, node)
            return
        number = self.f.local(kind(node))
        self._narrow[node.op](node)
        self.f.set(number)
        self._locals[id(node)] = (number,)

    def value(self, term: Term) -> None:
        """Pushes the value of a Bool or of up to 64 bits."""
        node = self.plan.graph.resolve(term)
        found = self._locals.get(id(node))
        if found is not None:
            self.f.get(found[0])
        else:
            self._narrow[node.op](node)

    def limb(self, term: Term, number: int) -> None:
        """Pushes limb `number` (0 is the lowest) of a bit-vector as i64; zero above its highest."""
        node = self.plan.graph.resolve(term)
        width = node.width
        if number >= limbs_of(width):
            self.f.const(I64, 0)
        elif width <= 64:
            self.value(node)
            if width <= 32:
                self.f.op(Op.EXTEND_U)
        elif (found := self._locals.get(id(node))) is not None:
            self.f.get(found[number])
        elif node.op == "const":
            self.f.const(I64, node.value >> (64 * number) & (1 << 64) - 1)
        else:
            assert node.op == "var", f"{node.op} of {width} bits has no variable"
            self._load(node, I64, 8, 8 * number)

    def scratch(self, kind: int, number: int = 0) -> int:
        """A local variable that holds for a few instructions, in which no value of a term is pushed."""
        found = self._scratch.get((kind, number))
        if found is None:
            found = self._scratch[kind, number] = self.f.local(kind)
        return found

    # Leaves.

    def _const(self, node: Term) -> None:
        self.f.const(kind(node), node.value)

    def _var(self, node: Term) -> None:
        if isinstance(node.sort, BoolSort) or node.width <= 32:
            self._load(node, I32, 4, 0)
        else:
            self._load(node, I64, 8, 0)

    def _load(self, node: Term, kind: int, size: int, offset: int) -> None:
        if node.name in self.dirty:
            self.hazards[id(node)] = node
        slot = self._slots[node.name]
        push_base(self.f, slot.base)
        self.f.load(kind, size, slot.offset + offset)

    # Slices and joins.

    def _extract(self, node: Term) -> None:
        (source,), low, f = self._args(node), node.data, self.f
        assert isinstance(low, int)
        width, result = node.width, kind_of(node.width)
        held = id(source) in self._locals
        if source.op == "var" and not held:
            size = next((s for s in (1, 2, 4, 8) if low % 8 + width <= 8 * s), 0)
            whole = 4 if source.width <= 32 else 8 * limbs_of(source.width)
            if size and low // 8 + size <= whole:
                used = I64 if size == 8 else I32
                self._load(source, used, size, low // 8)
                self._slice(used, low % 8, width, 8 * size)
                self.convert(used, result)
                return
        if source.width <= 64:
            self.value(source)
            used = kind_of(source.width)
            self._slice(used, low, width, source.width)
            self.convert(used, result)
            return
        first, shift = divmod(low, 64)
        self.limb(source, first)
        if shift:
            f.const(I64, shift)
            f.op(Op.I64_SHR_U)
        if shift + width > 64:
            self.limb(source, first + 1)
            f.const(I64, 64 - shift)
            f.op(Op.I64_SHL, Op.I64_OR)
        self.mask(I64, width)
        self.convert(I64, result)

    def _slice(self, kind: int, low: int, width: int, held: int) -> None:
        """The bits from `low` on of the value on the stack, which has `held` bits that may be set."""
        f = self.f
        if low:
            f.const(kind, low)
            f.op(Op.I32_SHR_U if kind == I32 else Op.I64_SHR_U)
        if low + width < held:
            self.mask(kind, width)

    def convert(self, source: int, target: int) -> None:
        if source != target:
            self.f.op(Op.WRAP if source == I64 else Op.EXTEND_U)

    def mask(self, kind: int, width: int) -> None:
        """Clears the bits above `width` of the value on the stack."""
        if width < (32 if kind == I32 else 64):
            self.f.const(kind, (1 << width) - 1)
            self.f.op(Op.I32_AND if kind == I32 else Op.I64_AND)

    def _concat(self, node: Term) -> None:
        result, f = kind_of(node.width), self.f
        low, started = node.width, False
        for part, arg in zip(self.plan.graph.parts(node), self._args(node), strict=True):
            width = 8 * part.count if isinstance(part, Run) else part.width
            low -= width
            if arg.op == "const" and not isinstance(part, Run):
                value = arg.value << low
                if not value:
                    continue
                f.const(result, value)
            else:
                if isinstance(part, Run):
                    self._note_read(part.array, node)
                    self.value(arg)
                    self.memory.read_run(f, part.array.name, part.count, self.scratch(I32))
                else:
                    self.value(arg)
                self.convert(kind_of(width), result)
                if low:
                    f.const(result, low)
                    f.op(Op.I32_SHL if result == I32 else Op.I64_SHL)
            if started:
                f.op(Op.I32_OR if result == I32 else Op.I64_OR)
            started = True
        if not started:
            f.const(result, 0)

    def _sext(self, node: Term) -> None:
        (source,) = self._args(node)
        self.value(source)
        used, result = kind_of(source.width), kind_of(node.width)
        if used != result:
            self.convert(used, result)
        self.extend_sign(result, source.width)
        self.mask(result, node.width)

    def extend_sign(self, kind: int, width: int) -> None:
        """Copies the sign of a value of `width` bits into all bits above."""
        f, full = self.f, 32 if kind == I32 else 64
        short = {8: Op.I32_EXTEND8_S, 16: Op.I32_EXTEND16_S} if kind == I32 else {
            8: Op.I64_EXTEND8_S, 16: Op.I64_EXTEND16_S, 32: Op.I64_EXTEND32_S
        }  # fmt: skip
        if width in short:
            f.op(short[width])
        elif width < full:
            for code in (Op.I32_SHL, Op.I32_SHR_S):
                f.const(kind, full - width)
                f.op(code if kind == I32 else code + TO_I64)

    # Arithmetic.

    def arithmetic(self, code: int, kind: int) -> None:
        """The i32 instruction `code`, or its i64 counterpart."""
        self.f.op(code if kind == I32 else code + TO_I64)

    def _add(self, node: Term) -> None:
        data, width, used = node.data, node.width, kind(node)
        assert isinstance(data, tuple)
        half, started = 1 << (width - 1), False
        f = self.f
        pairs = sorted(zip(data[1:], self._args(node), strict=True), key=lambda pair: pair[0] >= half)
        for coefficient, arg in pairs:
            negative = coefficient >= half and started
            size = (1 << width) - coefficient if negative else coefficient
            self.value(arg)
            if size & (size - 1) == 0:
                if size > 1:
                    f.const(used, size.bit_length() - 1)
                    self.arithmetic(Op.I32_SHL, used)
            else:
                f.const(used, size)
                self.arithmetic(Op.I32_MUL, used)
            if started:
                self.arithmetic(Op.I32_SUB if negative else Op.I32_ADD, used)
            started = True
        if data[0]:
            f.const(used, data[0])
            self.arithmetic(Op.I32_ADD, used)
        self.mask(used, width)

    def _mul(self, node: Term) -> None:
        self._two(node)
        self.arithmetic(Op.I32_MUL, kind(node))
        self.mask(kind(node), node.width)

    def _two(self, node: Term) -> None:
        for arg in self._args(node):
            self.value(arg)

    def _bitwise(self, node: Term) -> None:
        self._two(node)
        self.arithmetic({"bvand": Op.I32_AND, "bvor": Op.I32_OR, "bvxor": Op.I32_XOR}[node.op], kind(node))

    def _not_bits(self, node: Term) -> None:
        self._two(node)
        self.f.const(kind(node), (1 << node.width) - 1)
        self.arithmetic(Op.I32_XOR, kind(node))

    def _shift(self, node: Term) -> None:
        """shl and lshr: WebAssembly takes the amount modulo 32 or 64, so a large one is asked for."""
        used, width = kind(node), node.width
        value, amount = self._args(node)
        code = Op.I32_SHL if node.op == "shl" else Op.I32_SHR_U
        self.value(value)
        self.value(amount)
        if upper_bound(amount) < width:
            self.arithmetic(code, used)
        else:
            held = self.scratch(used)
            self.f.tee(held)
            self.arithmetic(code, used)
            self.f.const(used, 0)
            self.f.get(held)
            self.f.const(used, width)
            self.f.op(Op.I32_LT_U if used == I32 else Op.I64_LT_U, Op.SELECT)
        if node.op == "shl":
            self.mask(used, width)

    def _ashr(self, node: Term) -> None:
        used, width = kind(node), node.width
        value, amount = self._args(node)
        self.value(value)
        self.extend_sign(used, width)
        self.value(amount)
        if upper_bound(amount) >= width:
            held = self.scratch(used)
            self.f.tee(held)
            self.f.const(used, width - 1)
            self.f.get(held)
            self.f.const(used, width - 1)
            self.f.op(Op.I32_LT_U if used == I32 else Op.I64_LT_U, Op.SELECT)
        self.arithmetic(Op.I32_SHR_S, used)
        self.mask(used, width)

    def _divide(self, node: Term) -> None:
        """udiv and urem; WebAssembly's trap where the divisor is zero."""
        f, used = self.f, kind(node)
        self._two(node)
        divisor, dividend = self.scratch(used, 1), self.scratch(used)
        f.set(divisor)
        f.set(dividend)
        f.get(divisor)
        f.op(Op.I32_EQZ if used == I32 else Op.I64_EQZ)
        f.if_(used)
        if node.op == "udiv":
            f.const(used, (1 << node.width) - 1)
        else:
            f.get(dividend)
        f.else_()
        f.get(dividend)
        f.get(divisor)
        self.arithmetic(Op.I32_DIV_U if node.op == "udiv" else Op.I32_REM_U, used)
        f.end()

    def _signed_operands(self, node: Term) -> tuple[int, int]:
        """Both operands as i64 with their sign, in local variables."""
        dividend, divisor = self.scratch(I64), self.scratch(I64, 1)
        for arg in self._args(node):
            self.value(arg)
            self.convert(kind(node), I64)
            self.extend_sign(I64, node.width)
        self.f.set(divisor)
        self.f.set(dividend)
        return dividend, divisor

    def _sdiv(self, node: Term) -> None:
        """In i64, where only a dividend of 64 bits can overflow; by -1 it is negated, which wraps as it should."""
        f = self.f
        dividend, divisor = self._signed_operands(node)
        f.get(divisor)
        f.op(Op.I64_EQZ)
        f.if_(I64)
        f.const(I64, 1)
        f.const(I64, (1 << 64) - 1)
        f.get(dividend)
        f.const(I64, 0)
        f.op(Op.I64_LT_S, Op.SELECT)
        f.else_()
        f.get(divisor)
        f.const(I64, (1 << 64) - 1)
        f.op(Op.I64_EQ)
        f.if_(I64)
        f.const(I64, 0)
        f.get(dividend)
        f.op(Op.I64_SUB)
        f.else_()
        f.get(dividend)
        f.get(divisor)
        f.op(Op.I64_DIV_S)
        f.end()
        f.end()
        self._narrowed(node)

    def _srem(self, node: Term) -> None:
        f = self.f
        dividend, divisor = self._signed_operands(node)
        f.get(divisor)
        f.op(Op.I64_EQZ)
        f.if_(I64)
        f.get(dividend)
        f.else_()
        f.get(dividend)
        f.get(divisor)
        f.op(Op.I64_REM_S)
        f.end()
        self._narrowed(node)

    def _narrowed(self, node: Term) -> None:
        self.convert(I64, kind(node))
        self.mask(kind(node), node.width)

    # Conditions.

    def _eq(self, node: Term) -> None:
        a, b = self._args(node)
        if isinstance(a.sort, BitVecSort) and a.sort.width > 64:
            for number in range(limbs_of(a.width)):
                self.limb(a, number)
                self.limb(b, number)
                self.f.op(Op.I64_EQ)
                if number:
                    self.f.op(Op.I32_AND)
            return
        used = kind(a)
        for arg, other in ((a, b), (b, a)):
            if arg.op == "const" and arg.value == 0:
                self.value(other)
                self.f.op(Op.I32_EQZ if used == I32 else Op.I64_EQZ)
                return
        self.value(a)
        self.value(b)
        self.f.op(Op.I32_EQ if used == I32 else Op.I64_EQ)

    def _ult(self, node: Term) -> None:
        a, b = self._args(node)
        if a.width > 64:
            wide.less(self, a, b, signed=False)
            return
        self.value(a)
        self.value(b)
        self.f.op(Op.I32_LT_U if kind(a) == I32 else Op.I64_LT_U)

    def _slt(self, node: Term) -> None:
        a, b = self._args(node)
        if a.width > 64:
            wide.less(self, a, b, signed=True)
            return
        for arg in (a, b):
            self.value(arg)
            self.extend_sign(kind(arg), arg.width)
        self.f.op(Op.I32_LT_S if kind(a) == I32 else Op.I64_LT_S)

    def _not(self, node: Term) -> None:
        self._two(node)
        self.f.op(Op.I32_EQZ)

    def _logic(self, node: Term) -> None:
        """and and or, the cheap conditions first; what follows is skipped where that saves work."""
        f, plan, is_and = self.f, self.plan, node.op == "and"
        args, arms = plan.ordered[id(node)], plan.arms[id(node)]
        rest = [plan.cost(arg, arm) for arg, arm in zip(args[1:], arms, strict=True)]
        self.value(args[0])
        opened = 0
        for position, (arg, arm) in enumerate(zip(args[1:], arms, strict=True)):
            if sum(rest[position:]) > CHEAP:
                f.if_(I32)
                opened += 1
                if not is_and:
                    f.const(I32, 1)
                    f.else_()
                self.open(arm)
                self.value(arg)
            else:
                self.open(arm)
                self.value(arg)
                f.op(Op.I32_AND if is_and else Op.I32_OR)
        for _ in range(opened):
            if is_and:
                f.else_()
                f.const(I32, 0)
            f.end()

    def _pick(self, node: Term, place: Place) -> None:
        if not self.dirty.isdisjoint(place.names):
            self.hazards[id(node)] = node
        (number,) = self._args(node)
        self.place_address(number, place)
        self.f.load(kind(node), place.size, place.offset)

    def place_address(self, number: Term, place: Place) -> None:
        """Pushes the address of the place for a number, less the place's offset."""
        push_base(self.f, place.base)
        self.value(number)
        push_displacement(self.f, place)
        self.f.op(Op.I32_ADD)

    def _ite(self, node: Term) -> None:
        f = self.f
        place = self.plan.graph.pick(node)
        if place is not None:
            self._pick(node, place)
            return
        condition, then, other = self._args(node)
        if then.op == "const" and other.op == "const" and (then.value, other.value) == (1, 0):
            self.value(condition)
            self.convert(I32, kind(node))
            return
        if not self.branches(node):
            for arm in self.plan.arms[id(node)]:
                self.open(arm)
            self.value(then)
            self.value(other)
            self.value(condition)
            f.op(Op.SELECT)
            return
        for_then, for_other = self.plan.arms[id(node)]
        self.value(condition)
        f.if_(kind(node))
        self.open(for_then)
        self.value(then)
        f.else_()
        self.open(for_other)
        self.value(other)
        f.end()

    def branches(self, node: Term) -> bool:
        """Whether a choice is worth a branch."""
        arms = zip(self._args(node)[1:], self.plan.arms[id(node)], strict=True)
        return any(self.plan.cost(arg, arm) > CHEAP for arg, arm in arms)

    # Memory.

    def _note_read(self, array: Term, node: Term) -> None:
        if array.name in self.dirty:
            self.hazards[id(node)] = node

    def _select(self, node: Term) -> None:
        array = self.array_read(node)
        self.memory.read(self.f, array, self.scratch(I32))

    def array_read(self, node: Term) -> str:
        """Pushes the index that a `select` reads; the array's name."""
        array, index = self._args(node)
        assert array.op == "var" and isinstance(array.sort, ArraySort), "an array is read from a variable"
        self._note_read(array, node)
        self.value(index)
        return array.name


def kind(node: Term) -> int:
    """The WebAssembly type of a node of at most 64 bits."""
    return I32 if isinstance(node.sort, BoolSort) else kind_of(node.width)


def write_slot(e: Emitter, term: Term, slot: Slot) -> None:
    """Writes the value of `term` to `slot`."""
    f, node = e.f, e.plan.graph.resolve(term)
    if isinstance(node.sort, BitVecSort) and node.width > 64:
        for number in range(limbs_of(node.width)):
            push_base(f, slot.base)
            e.limb(node, number)
            f.store(I64, 8, slot.offset + 8 * number)
        return
    push_base(f, slot.base)
    e.value(node)
    f.store(kind(node), 4 if kind(node) == I32 else 8, slot.offset)


def push_base(f: Function, base: int | None) -> None:
    """Pushes the address in the local variable `base`, or 0 where it is None."""
    if base is None:
        f.const(I32, 0)
    else:
        f.get(base)
