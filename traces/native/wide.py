"""Operations on bit-vectors of more than 64 bits: limbs of 64 bits in local variables, the lowest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringproof.model.terms import Term

from .layout import limbs_of
from .wasm import I32, I64, Function, Module, Op

if TYPE_CHECKING:
    from .emit import Emitter

ONES = (1 << 64) - 1
Limbs = tuple[int, ...]


class WideFunctions:
    """The functions that long multiplication and division call, made when they are first needed."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._high: int | None = None
        self._dividers: dict[int, int] = {}

    def high(self) -> int:
        """The high half of the product of two limbs."""
        if self._high is None:
            self._high = self._module.define(_high_half())
        return self._high

    def divider(self, count: int) -> int:
        """Quotient and remainder of two numbers of `count` limbs."""
        if count not in self._dividers:
            self._dividers[count] = self._module.define(_divider(count))
        return self._dividers[count]


def _high_half() -> Function:
    f = Function("high half", (I64, I64), (I64,))
    cross, low = f.local(I64), f.local(I64)

    def half(number: int, *, upper: bool) -> None:
        f.get(number)
        f.const(I64, 32 if upper else 0xFFFFFFFF)
        f.op(Op.I64_SHR_U if upper else Op.I64_AND)

    half(0, upper=False)
    half(1, upper=False)
    f.op(Op.I64_MUL)
    f.const(I64, 32)
    f.op(Op.I64_SHR_U)
    half(0, upper=True)
    half(1, upper=False)
    f.op(Op.I64_MUL, Op.I64_ADD)
    f.set(cross)
    half(0, upper=False)
    half(1, upper=True)
    f.op(Op.I64_MUL)
    half(cross, upper=False)
    f.op(Op.I64_ADD)
    f.set(low)
    half(0, upper=True)
    half(1, upper=True)
    f.op(Op.I64_MUL)
    half(cross, upper=True)
    half(low, upper=True)
    f.op(Op.I64_ADD, Op.I64_ADD)
    return f


def _divider(count: int) -> Function:
    """Bit by bit: the dividend moves up into the remainder, the quotient's bits follow it."""
    f = Function(f"divide {count}", [I64] * (2 * count), [I64] * (2 * count))
    dividend, divisor = tuple(range(count)), tuple(range(count, 2 * count))
    remainder = tuple(f.local(I64) for _ in range(count))
    difference = tuple(f.local(I64) for _ in range(count))
    steps, carry, borrow = f.local(I32), f.local(I64), f.local(I64)
    f.const(I32, 64 * count)
    f.set(steps)
    mark = f.loop()
    f.get(remainder[-1])
    f.const(I64, 63)
    f.op(Op.I64_SHR_U)
    f.set(carry)
    both = dividend + remainder
    for number in reversed(range(2 * count)):
        f.get(both[number])
        f.const(I64, 1)
        f.op(Op.I64_SHL)
        if number:
            f.get(both[number - 1])
            f.const(I64, 63)
            f.op(Op.I64_SHR_U, Op.I64_OR)
        f.set(both[number])
    f.const(I64, 0)
    f.set(borrow)
    for number in range(count):
        _subtract_limb(f, remainder[number], divisor[number], difference[number], borrow)
    f.get(carry)
    f.get(borrow)
    f.op(Op.I64_GE_U)
    f.if_()
    for number in range(count):
        f.get(difference[number])
        f.set(remainder[number])
    f.get(dividend[0])
    f.const(I64, 1)
    f.op(Op.I64_OR)
    f.set(dividend[0])
    f.end()
    f.get(steps)
    f.const(I32, 1)
    f.op(Op.I32_SUB)
    f.tee(steps)
    f.branch_if(mark)
    f.end()
    for number in both:
        f.get(number)
    return f


def _subtract_limb(f: Function, a: int, b: int, result: int, borrow: int) -> None:
    """result := a - b - borrow; borrow := whether that is negative. `result` is none of the others."""
    f.get(a)
    f.get(b)
    f.op(Op.I64_SUB)
    f.tee(result)
    f.get(borrow)
    f.op(Op.I64_LT_U, Op.EXTEND_U)
    f.get(a)
    f.get(b)
    f.op(Op.I64_LT_U, Op.EXTEND_U, Op.I64_OR)
    f.get(result)
    f.get(borrow)
    f.op(Op.I64_SUB)
    f.set(result)
    f.set(borrow)


def compute(e: Emitter, node: Term) -> Limbs:
    """Computes a node of more than 64 bits into new local variables."""
    count = limbs_of(node.width)
    result = tuple([e.f.local(I64) for _ in range(count)])
    args = e.plan.graph.args(node)
    if node.op in ("var", "const"):
        for number in range(count):
            e.limb(node, number)
            e.f.set(result[number])
    elif node.op in _COMPUTE:
        _COMPUTE[node.op](e, node, args, result)
    else:
        raise AssertionError(f"no code for {node.op} of {node.width} bits")
    if node.width % 64 and node.op in ("add", "mul", "sext", "shl", "udiv", "sdiv", "srem", "extract", "ashr"):
        e.f.get(result[-1])
        e.f.const(I64, (1 << node.width % 64) - 1)
        e.f.op(Op.I64_AND)
        e.f.set(result[-1])
    return result


def _push_from(e: Emitter, term: Term, start: int) -> None:
    """Pushes the 64 bits of `term` from bit `start` on, which may be negative."""
    f = e.f
    if start < 0:
        e.limb(term, 0)
        f.const(I64, -start)
        f.op(Op.I64_SHL)
        return
    first, shift = divmod(start, 64)
    e.limb(term, first)
    if shift:
        f.const(I64, shift)
        f.op(Op.I64_SHR_U)
        if 64 * (first + 1) < term.width:
            e.limb(term, first + 1)
            f.const(I64, 64 - shift)
            f.op(Op.I64_SHL, Op.I64_OR)


def _extract(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    assert isinstance(node.data, int)
    for number, target in enumerate(result):
        _push_from(e, args[0], node.data + 64 * number)
        e.f.set(target)


def _concat(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    for number, target in enumerate(result):
        low, started = node.width, False
        for arg in args:
            low -= arg.width
            start = 64 * number - low
            if start >= arg.width or start <= -64:
                continue
            _push_from(e, arg, start)
            if started:
                e.f.op(Op.I64_OR)
            started = True
        e.f.set(target)


def _bitwise(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    code = {"bvand": Op.I64_AND, "bvor": Op.I64_OR, "bvxor": Op.I64_XOR}[node.op]
    for number, target in enumerate(result):
        e.limb(args[0], number)
        e.limb(args[1], number)
        e.f.op(code)
        e.f.set(target)


def _not(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    for number, target in enumerate(result):
        e.limb(args[0], number)
        e.f.const(I64, (1 << min(node.width - 64 * number, 64)) - 1)
        e.f.op(Op.I64_XOR)
        e.f.set(target)


def _sext(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    (source,) = args
    top = limbs_of(source.width) - 1
    for number, target in enumerate(result):
        e.limb(source, min(number, top))
        if number >= top:
            e.extend_sign(I64, source.width - 64 * top)
        if number > top:
            e.f.const(I64, 63)
            e.f.op(Op.I64_SHR_S)
        e.f.set(target)


def _add(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    f, data = e.f, node.data
    assert isinstance(data, tuple)
    for number, target in enumerate(result):
        f.const(I64, data[0] >> (64 * number) & ONES)
        f.set(target)
    for coefficient, arg in zip(data[1:], args, strict=True):
        if coefficient == 1:
            carry = _cleared(f)
            for number, target in enumerate(result):
                e.limb(arg, number)
                _add_limb(f, target, carry)
            continue
        factor = [coefficient >> (64 * number) & ONES for number in range(len(result))]
        for i, part in enumerate(factor):
            for j in range(len(result) - i):
                if part:
                    _accumulate_product(e, arg, j, part, result[i + j :])


def _add_limb(f: Function, total: int, carry: int) -> None:
    """Adds the limb on the stack and `carry` to `total`, also where the limb and the carry overflow together."""
    held = f.local(I64)
    f.set(held)
    f.get(total)
    f.get(held)
    f.op(Op.I64_ADD)
    f.tee(total)
    f.get(held)
    f.op(Op.I64_LT_U, Op.EXTEND_U)
    f.get(total)
    f.get(carry)
    f.op(Op.I64_ADD)
    f.tee(total)
    f.get(carry)
    f.op(Op.I64_LT_U, Op.EXTEND_U, Op.I64_OR)
    f.set(carry)


def _cleared(f: Function) -> int:
    """A new local variable of zero, also where the code runs again."""
    carry = f.local(I64)
    f.const(I64, 0)
    f.set(carry)
    return carry


def _accumulate_product(e: Emitter, arg: Term, number: int, factor: int | tuple[Term, int], target: Limbs) -> None:
    """Adds limb `number` of `arg` times a factor (a constant, or a limb of a term) to the limbs from `target` on."""
    f = e.f

    def push_both() -> None:
        e.limb(arg, number)
        if isinstance(factor, int):
            f.const(I64, factor)
        else:
            e.limb(*factor)

    carry = _cleared(f)
    push_both()
    f.op(Op.I64_MUL)
    _add_limb(f, target[0], carry)
    if len(target) > 1:
        push_both()
        f.call(e.wide_functions.high())
        _add_limb(f, target[1], carry)
    for limb in target[2:]:
        f.const(I64, 0)
        _add_limb(f, limb, carry)


def _mul(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    for target in result:
        e.f.const(I64, 0)
        e.f.set(target)
    for i in range(len(result)):
        for j in range(len(result) - i):
            _accumulate_product(e, args[0], j, (args[1], i), result[i + j :])


def _shift(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    """A stage for each bit of the amount that matters; any higher one fills the result with zeros or the sign."""
    f, width, count = e.f, node.width, len(result)
    value, amount = args
    fill, current = _cleared(f), f.local(I32)
    if node.op == "ashr":
        e.limb(value, count - 1)
        e.extend_sign(I64, width - 64 * (count - 1))
        f.const(I64, 63)
        f.op(Op.I64_SHR_S)
        f.set(fill)
    for number, target in enumerate(result):
        e.limb(value, number)
        if node.op == "ashr" and number == count - 1:
            e.extend_sign(I64, width - 64 * number)
        f.set(target)
    stages = (width - 1).bit_length()
    for stage in range(stages):
        e.limb(amount, 0)
        f.const(I64, 1 << stage)
        f.op(Op.I64_AND, Op.I64_EQZ, Op.I32_EQZ)
        f.set(current)
        _stage(f, result, 1 << stage, fill, current, left=node.op == "shl")
    f.const(I32, 0)
    for number in range(count):
        e.limb(amount, number)
        if number == 0:
            f.const(I64, stages)
            f.op(Op.I64_SHR_U)
        f.op(Op.I64_EQZ, Op.I32_EQZ, Op.I32_OR)
    f.if_()
    for target in result:
        f.get(fill)
        f.set(target)
    f.end()


def _stage(f: Function, limbs: Limbs, distance: int, fill: int, condition: int, *, left: bool) -> None:
    """Where `condition` holds, moves the limbs by a fixed distance."""
    whole, part = divmod(distance, 64)
    towards, away = (Op.I64_SHL, Op.I64_SHR_U) if left else (Op.I64_SHR_U, Op.I64_SHL)
    step = -1 if left else 1
    order = reversed(range(len(limbs))) if left else range(len(limbs))

    def push(number: int) -> None:
        f.get(limbs[number] if 0 <= number < len(limbs) else fill)

    for number in order:
        push(number + step * whole)
        if part:
            f.const(I64, part)
            f.op(towards)
            push(number + step * (whole + 1))
            f.const(I64, 64 - part)
            f.op(away, Op.I64_OR)
        f.get(limbs[number])
        f.get(condition)
        f.op(Op.SELECT)
        f.set(limbs[number])


def _unsigned_division(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    count = len(result)
    for arg in args:
        for number in range(count):
            e.limb(arg, number)
    e.f.call(e.wide_functions.divider(count))
    _take(e.f, result, quotient=node.op == "udiv")


def _take(f: Function, result: Limbs, *, quotient: bool) -> None:
    """Takes quotient or remainder from the stack, which has the remainder's highest limb on top."""
    for target in reversed(result):
        f.op(Op.DROP) if quotient else f.set(target)
    for target in reversed(result):
        f.set(target) if quotient else f.op(Op.DROP)


def _signed_division(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    """Of absolute values; the sign is put back. Division by zero comes out as the terms have it."""
    f, count = e.f, len(result)
    signs: list[int] = []
    for arg in args:
        sign = f.local(I64)
        e.limb(arg, count - 1)
        e.extend_sign(I64, node.width - 64 * (count - 1))
        f.const(I64, 63)
        f.op(Op.I64_SHR_S)
        f.set(sign)
        signs.append(sign)
        magnitude = tuple(f.local(I64) for _ in range(count))
        for number in range(count):
            e.limb(arg, number)
            if number == count - 1:
                e.extend_sign(I64, node.width - 64 * number)
            f.set(magnitude[number])
        _negate_where(f, magnitude, sign)
        for limb in magnitude:
            f.get(limb)
    f.call(e.wide_functions.divider(count))
    _take(f, result, quotient=node.op == "sdiv")
    if node.op == "sdiv":
        f.get(signs[0])
        f.get(signs[1])
        f.op(Op.I64_XOR)
        f.set(signs[0])
    _negate_where(f, result, signs[0])


def _negate_where(f: Function, limbs: Limbs, sign: int) -> None:
    """Negates the number where `sign` is all ones, and leaves it where it is zero."""
    carry = f.local(I64)
    f.get(sign)
    f.const(I64, 1)
    f.op(Op.I64_AND)
    f.set(carry)
    for limb in limbs:
        f.get(limb)
        f.get(sign)
        f.op(Op.I64_XOR)
        f.get(carry)
        f.op(Op.I64_ADD)
        f.tee(limb)
        f.get(carry)
        f.op(Op.I64_LT_U, Op.EXTEND_U)
        f.set(carry)


def _ite(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    f = e.f
    condition, then, other = args
    arms = e.plan.arms[id(node)]
    e.value(condition)
    f.if_()
    for number, (arm, arg) in enumerate(zip(arms, (then, other), strict=True)):
        if number:
            f.else_()
        e.open(arm)
        for limb, target in enumerate(result):
            e.limb(arg, limb)
            f.set(target)
    f.end()


def _select(e: Emitter, node: Term, args: tuple[Term, ...], result: Limbs) -> None:
    f, index = e.f, e.scratch(I32)
    name = e.array_read(node)
    f.set(index)
    e.memory.address(f, name, index)
    f.set(index)
    for number, target in enumerate(result):
        f.get(index)
        f.load(I64, 8, e.memory.place(name).default + 8 * number)
        f.set(target)


_COMPUTE = {
    "extract": _extract, "concat": _concat, "bvand": _bitwise, "bvor": _bitwise, "bvxor": _bitwise, "bvnot": _not,
    "sext": _sext, "add": _add, "mul": _mul, "shl": _shift, "lshr": _shift, "ashr": _shift,
    "udiv": _unsigned_division, "urem": _unsigned_division, "sdiv": _signed_division, "srem": _signed_division,
    "ite": _ite, "select": _select,
}  # fmt: skip


def less(e: Emitter, a: Term, b: Term, *, signed: bool) -> None:
    """Pushes whether `a` is less than `b`, from the lowest limb up."""
    f, count = e.f, limbs_of(a.width)
    flip = 1 << ((a.width - 1) % 64) if signed else 0

    def push(term: Term, number: int) -> None:
        e.limb(term, number)
        if flip and number == count - 1:
            f.const(I64, flip)
            f.op(Op.I64_XOR)

    for number in range(count):
        if number:
            push(a, number)
            push(b, number)
            f.op(Op.I64_EQ, Op.I32_AND)
        push(a, number)
        push(b, number)
        f.op(Op.I64_LT_U)
        if number:
            f.op(Op.I32_OR)
