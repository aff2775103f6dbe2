"""What each bit-vector operation computes on integers; the meaning is SMT-LIB's, so every operation is total.

Division by zero gives all ones, the remainder by zero is the dividend, and a shift by the width or more
gives zeros (the sign for `ashr`). Folding and the plain evaluator use this one table.
"""

from collections.abc import Callable


def signed(value: int, width: int) -> int:
    """The two's complement reading of `value` (0 <= value < 2**width)."""
    return value - (1 << width) if value >> (width - 1) else value


def _sdiv(a: int, b: int, width: int) -> int:
    x, y = signed(a, width), signed(b, width)
    if y == 0:
        return 1 if x < 0 else -1
    quotient = abs(x) // abs(y)
    return -quotient if (x < 0) != (y < 0) else quotient


def _srem(a: int, b: int, width: int) -> int:
    x, y = signed(a, width), signed(b, width)
    if y == 0:
        return x
    remainder = abs(x) % abs(y)
    return -remainder if x < 0 else remainder


BINARY: dict[str, Callable[[int, int, int], int]] = {
    "bvand": lambda a, b, w: a & b,
    "bvor": lambda a, b, w: a | b,
    "bvxor": lambda a, b, w: a ^ b,
    "mul": lambda a, b, w: a * b,
    "shl": lambda a, b, w: a << b if b < w else 0,
    "lshr": lambda a, b, w: a >> b if b < w else 0,
    "ashr": lambda a, b, w: signed(a, w) >> min(b, w),
    "udiv": lambda a, b, w: a // b if b else -1,
    "urem": lambda a, b, w: a % b if b else a,
    "sdiv": _sdiv,
    "srem": _srem,
}
