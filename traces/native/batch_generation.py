"""Generation as code: a base pair restored, changed alike in both states, and given fresh code."""

from __future__ import annotations

from collections.abc import Callable

from .batch_places import (
    AND64,
    OR64,
    SHL64,
    SHR64,
    SPOT_BYTES,
    TEMPLATE_BYTES,
    advance,
    draw,
    load_word,
    store_word,
)
from .batch_placing import PlacingCode
from .wasm import I32, I64, Function, Op


class GenerationCode(PlacingCode):
    """Writes the functions that start a trace."""

    def _generate(self) -> Function:
        """Changes both states and writes fresh code, from the stream."""
        f = Function("generate", (), ())
        count, number, template, cells, shift = (f.local(I32) for _ in range(5))
        bits, value, low, high = (f.local(I64) for _ in range(4))
        to, operand, stream = f.local(I32), f.local(I32), f.local(I64)
        load_word(f, I64, self.stream)
        f.set(stream)

        def pick(source: int, drop: int, count_of: Callable[[], None]) -> None:
            f.get(source)
            if drop:
                f.const(I64, drop)
                f.op(SHR64)
            f.const(I64, 0xFFFF)
            f.op(AND64)
            f.op(Op.WRAP)
            count_of()
            f.op(Op.I32_MUL)
            f.const(I32, 16)
            f.op(Op.I32_SHR_U)

        def pooled(drop: int) -> None:
            """Pushes the pool's value that `bits` past `drop` choose."""
            pick(bits, drop, lambda: load_word(f, I32, self.pool_count))
            f.const(I32, 3)
            f.op(Op.I32_SHL)
            f.load(I64, 8, self.pool)

        load_word(f, I32, self.spot_count)
        f.if_()
        draw(f, stream, bits)
        f.get(bits)
        f.op(Op.WRAP)
        f.const(I32, 3)
        f.op(Op.I32_AND)
        f.set(count)
        f.end()
        out = f.block()
        again = f.loop()
        f.get(count)
        f.op(Op.I32_EQZ)
        f.branch_if(out)
        draw(f, stream, bits)
        f.get(bits)
        f.const(I64, 7 << 32)
        f.op(AND64, Op.I64_EQZ)
        f.if_()
        draw(f, stream, value)
        f.else_()
        pooled(16)
        f.set(value)
        f.end()
        pick(bits, 0, lambda: load_word(f, I32, self.spot_count))
        f.const(I32, SPOT_BYTES)
        f.op(Op.I32_MUL)
        f.const(I32, self.spots)
        f.op(Op.I32_ADD)
        f.get(value)
        f.call(self.write_spot)
        f.get(count)
        f.const(I32, 1)
        f.op(Op.I32_SUB)
        f.set(count)
        f.branch(again)
        f.end()
        f.end()

        f.const(I32, self.fresh_code)
        f.set(to)
        instructions = f.loop()
        draw(f, stream, bits)
        f.get(number)
        f.if_(I32)
        pick(bits, 0, lambda: f.const(I32, self.shape.templates))
        f.else_()
        pick(bits, 0, lambda: load_word(f, I32, self.form_count))
        load_word(f, I32, self.form_first)
        f.op(Op.I32_ADD)
        f.end()
        f.const(I32, TEMPLATE_BYTES)
        f.op(Op.I32_MUL)
        f.const(I32, self.templates)
        f.op(Op.I32_ADD)
        f.set(template)
        for local, at in ((low, 0), (high, 8)):
            f.get(template)
            f.load(I64, 8, at)
            f.set(local)
        f.get(template)
        f.load(I64, 8, 16)
        f.get(template)
        f.load(I64, 8, 24)
        f.op(OR64, Op.I64_EQZ, Op.I32_EQZ)
        f.if_()
        for local, at in ((low, 16), (high, 24)):
            draw(f, stream, value)
            f.get(value)
            f.get(template)
            f.load(I64, 8, at)
            f.op(AND64)
            f.get(local)
            f.op(OR64)
            f.set(local)
        f.end()
        self._operands(f, template, operand, shift, stream, bits, value, low, high, pooled)
        f.get(template)
        f.load(I32, 4, 32)
        f.set(cells)
        self._append(f, to, cells, low, high)
        f.get(number)
        f.const(I32, 1)
        f.op(Op.I32_ADD)
        f.tee(number)
        f.const(I32, self.shape.fresh)
        f.op(Op.I32_LT_U)
        f.branch_if(instructions)
        f.end()
        store_word(f, I64, self.stream, lambda: f.get(stream))
        f.get(to)
        f.const(I32, self.fresh_code)
        f.op(Op.I32_SUB)
        f.const(I32, self.code_array.cell_bytes.bit_length() - 1)
        f.op(Op.I32_SHR_U)
        f.set(cells)
        for world in range(2):
            if world:
                load_word(f, I32, self.paired)
                f.if_()
            self._place_code(f, world, cells, to)
            if world:
                f.end()
        return f

    def _operands(
        self, f: Function, template: int, operand: int, shift: int, stream: int, bits: int, value: int,
        low: int, high: int, pooled: Callable[[int], None],
    ) -> None:  # fmt: skip
        """Joins the template's operands to the code in `low` and `high`."""
        f.const(I32, 0)
        f.set(operand)
        done = f.block()
        again = f.loop()
        f.get(operand)
        f.get(template)
        f.load(I32, 4, 36)
        f.op(Op.I32_GE_U)
        f.branch_if(done)
        draw(f, stream, bits)
        f.get(bits)
        f.const(I64, 7)
        f.op(AND64, Op.WRAP)
        f.tee(shift)
        f.const(I32, 5)
        f.op(Op.I32_LT_U)
        f.if_(I64)
        pooled(3)
        f.else_()
        f.get(bits)
        f.const(I64, 3)
        f.op(SHR64)
        f.const(I64, 0x3F)
        f.const(I64, (1 << 64) - 1)
        f.get(shift)
        f.const(I32, 7)
        f.op(Op.I32_LT_U, Op.SELECT, AND64)
        f.end()
        # Operands are 8 bytes each from 40 on: the lowest bit, then the width (1 to 64).
        f.const(I64, (1 << 64) - 1)
        f.const(I64, 64)
        self._operand_word(f, template, operand, 4)
        f.op(Op.EXTEND_U, Op.I64_SUB, SHR64, AND64)
        f.set(value)
        self._operand_word(f, template, operand, 0)
        f.tee(shift)
        f.const(I32, 64)
        f.op(Op.I32_LT_U)
        f.if_()
        f.get(value)
        f.get(shift)
        f.op(Op.EXTEND_U, SHL64)
        f.get(low)
        f.op(OR64)
        f.set(low)
        f.get(shift)
        f.if_()
        f.get(value)
        f.const(I64, 64)
        f.get(shift)
        f.op(Op.EXTEND_U, Op.I64_SUB, SHR64)
        f.get(high)
        f.op(OR64)
        f.set(high)
        f.end()
        f.else_()
        f.get(value)
        f.get(shift)
        f.const(I32, 64)
        f.op(Op.I32_SUB, Op.EXTEND_U, SHL64)
        f.get(high)
        f.op(OR64)
        f.set(high)
        f.end()
        advance(f, operand, 1)
        f.branch(again)
        f.end()
        f.end()

    def _operand_word(self, f: Function, template: int, operand: int, at: int) -> None:
        f.get(template)
        f.get(operand)
        f.const(I32, 3)
        f.op(Op.I32_SHL, Op.I32_ADD)
        f.load(I32, 4, 40 + at)
