"""Recipes of terms: what was asked for, before any folding, with a plain evaluator and a Hypothesis strategy.

A recipe is a tree. `build` gives the term through the public constructors; `meaning` walks the tree on Python
integers by the words of SMT-LIB's FixedSizeBitVectors and knows nothing of terms. An array is a list of cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import strategies as st

from ringproof.model import terms as t
from ringproof.model.terms import Term
from ringproof.traces.python_code import Cells

Environment: TypeAlias = Mapping[str, Any]
Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

WIDTHS = (1, 3, 8, 13, 32, 36, 64)
ARRAYS = ((3, 8), (8, 8), (3, 36))


@dataclass(frozen=True)
class Recipe:
    """One node: `width` is 0 for a Bool and -index_width for an array; `data` holds constants and names."""

    op: str
    width: int
    args: tuple[Recipe, ...] = ()
    data: Any = None


def signed(value: int, width: int) -> int:
    return value - 2**width if value >= 2 ** (width - 1) else value


def _divide(x: int, y: int) -> int:
    """The quotient rounded to zero."""
    return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)


BINARY: dict[str, tuple[Callable[[Term, Term], Term], Callable[[int, int, int], int]]] = {
    "add": (lambda a, b: a + b, lambda x, y, w: x + y),
    "sub": (lambda a, b: a - b, lambda x, y, w: x - y),
    "mul": (lambda a, b: a * b, lambda x, y, w: x * y),
    "and": (lambda a, b: a & b, lambda x, y, w: x & y),
    "or": (lambda a, b: a | b, lambda x, y, w: x | y),
    "xor": (lambda a, b: a ^ b, lambda x, y, w: x ^ y),
    "shl": (lambda a, b: a << b, lambda x, y, w: x << y if y < w else 0),
    "lshr": (lambda a, b: a >> b, lambda x, y, w: x >> y if y < w else 0),
    "ashr": (lambda a, b: a.sar(b), lambda x, y, w: signed(x, w) >> y if y < w else -(x >> (w - 1))),
    "udiv": (t.udiv, lambda x, y, w: x // y if y else 2**w - 1),
    "urem": (t.urem, lambda x, y, w: x % y if y else x),
    "sdiv": (
        t.sdiv,
        lambda x, y, w: _divide(signed(x, w), signed(y, w)) if y else (1 if signed(x, w) < 0 else 2**w - 1),
    ),
    "srem": (
        t.srem,
        lambda x, y, w: signed(x, w) - signed(y, w) * _divide(signed(x, w), signed(y, w)) if y else x,
    ),
}
COMPARE: dict[str, tuple[Callable[[Term, Term], Any], Callable[[int, int, int], bool]]] = {
    "eq": (lambda a, b: a == b, lambda x, y, w: x == y),
    "ne": (lambda a, b: a != b, lambda x, y, w: x != y),
    "ult": (lambda a, b: a < b, lambda x, y, w: x < y),
    "ule": (lambda a, b: a <= b, lambda x, y, w: x <= y),
    "ugt": (lambda a, b: a > b, lambda x, y, w: x > y),
    "slt": (t.slt, lambda x, y, w: signed(x, w) < signed(y, w)),
}


def variable(recipe: Recipe) -> Term:
    """The variable of a recipe whose operation is "var"."""
    if recipe.width < 0:
        return t.var(recipe.data[0], t.Array(-recipe.width, recipe.data[1]))
    return t.var(recipe.data, t.BitVec(recipe.width) if recipe.width else t.Bool)


def build(recipe: Recipe) -> Term:
    """The term of a recipe."""
    args = [build(arg) for arg in recipe.args]
    op, width, data = recipe.op, recipe.width, recipe.data
    if op == "var":
        return variable(recipe)
    if op == "const":
        return t.bits(data, width) if width else t.boolean(data)
    if op in BINARY:
        return BINARY[op][0](args[0], args[1]) if width else _BOOLEAN[op](args[0], args[1])
    if op in COMPARE:
        return COMPARE[op][0](args[0], args[1])  # type: ignore[no-any-return]
    if op == "store":
        return t.store(args[0], args[1], args[2], args[3])
    return _BUILDERS[op](args, data)


_BOOLEAN: dict[str, Callable[[Term, Term], Term]] = {
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
}
_BUILDERS: dict[str, Callable[[list[Term], Any], Term]] = {
    "not": lambda a, d: ~a[0],
    "neg": lambda a, d: -a[0],
    "ite": lambda a, d: t.ite(a[0], a[1], a[2]),
    "extract": lambda a, d: a[0][d[0] : d[1]],
    "concat": lambda a, d: t.concat(*a),
    "zext": lambda a, d: a[0].zext(d),
    "sext": lambda a, d: a[0].sext(d),
    "bits": lambda a, d: a[0].as_bits(d),
    "bit": lambda a, d: a[0].bit(d),
    "select": lambda a, d: a[0][a[1]],
    "constarray": lambda a, d: t.constant_array(d, a[0]),
    "shift": lambda a, d: t.shift(a[0], a[1]),
}


def meaning(recipe: Recipe, environment: Environment) -> Any:
    """The value of a recipe: an integer, a truth value, or the list of an array's cells."""
    op, width, data = recipe.op, recipe.width, recipe.data
    if op == "var":
        return environment[data[0] if width < 0 else data]
    if op == "const":
        return bool(data) if not width else data % 2**width
    args = [meaning(arg, environment) for arg in recipe.args]
    below = recipe.args[0].width
    if op in BINARY:
        value = BINARY[op][1](args[0], args[1], width)
        return value % 2**width if width else bool(value)
    if op in COMPARE:
        return COMPARE[op][1](args[0], args[1], below)
    if op == "not":
        return 2**width - 1 - args[0] if width else not args[0]
    if op == "ite":
        return args[1] if args[0] else args[2]
    if op == "extract":
        return args[0] // 2 ** data[1] % 2 ** (data[0] - data[1] + 1)
    if op == "concat":
        return args[0] * 2 ** recipe.args[1].width + args[1]
    if op == "sext":
        return signed(args[0], below) % 2**width
    if op == "neg":
        return -args[0] % 2**width
    if op == "bit":
        return args[0] // 2**data % 2 == 1
    if op in ("zext", "bits"):
        return int(args[0])
    return _array_meaning(op, args, data)


def _array_meaning(op: str, args: list[Any], data: Any) -> Any:
    if op == "select":
        return args[0][args[1]]
    if op == "constarray":
        return [args[0]] * 2**data
    if op == "shift":
        size = len(args[0])
        return [args[0][(i - args[1]) % size] for i in range(size)]
    assert op == "store"
    cells, index, value, guard = args
    return [value if i == index and guard else cell for i, cell in enumerate(cells)]


def constant(variable: Term, environment: Environment) -> Term:
    """The constant that a variable stands for in an environment."""
    value = environment[variable.name]
    if isinstance(variable.sort, t.BoolSort):
        return t.boolean(value)
    if isinstance(variable.sort, t.BitVecSort):
        return t.bits(value, variable.width)
    array = t.constant_array(variable.sort.index.width, t.bits(0, variable.sort.value.width))
    for index, cell in enumerate(value):
        array = array.set(index, cell)
    return array


# Strategies.


def numbers(width: int) -> st.SearchStrategy[int]:
    """Values of `width` bits, with those that matter (ends, the width itself, powers of two) often."""
    top = 2**width - 1
    special = {0, 1, 2, 3, width - 1, width, width + 1, top, top - 1, top // 2, top // 2 + 1}
    powers = st.integers(0, width - 1).map(lambda n: 1 << n)
    return st.sampled_from(sorted(v for v in special if 0 <= v <= top)) | powers | st.integers(0, top)


def environments() -> st.SearchStrategy[dict[str, Any]]:
    """A value for every variable that recipes use."""
    values: dict[str, st.SearchStrategy[Any]] = {"p": st.booleans(), "q": st.booleans()}
    for width in WIDTHS:
        values |= {f"x{width}": numbers(width), f"y{width}": numbers(width)}
    for index, cell in ARRAYS:
        few = st.dictionaries(st.integers(0, 2**index - 1), numbers(cell), max_size=4)
        values[f"m{index}_{cell}"] = st.builds(_cells, st.just(2**index), numbers(cell), few)
    return st.fixed_dictionaries(values)


def _cells(size: int, default: int, few: Mapping[int, int]) -> list[int]:
    return [few.get(i, default) for i in range(size)]


def as_cells(environment: Environment) -> dict[str, Any]:
    """The environment as the Python reader takes it."""
    return {name: Cells(enumerate(v)) if isinstance(v, list) else v for name, v in environment.items()}


@st.composite
def booleans(draw: Draw, depth: int = 3) -> Recipe:
    """Recipes of Bools."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        name = draw(st.sampled_from(("p", "q", True, False)))
        return Recipe("const", 0, (), name) if isinstance(name, bool) else Recipe("var", 0, (), name)
    op = draw(st.sampled_from(("and", "or", "xor", "not", "ite", "bit", *COMPARE, *COMPARE)))
    if op in COMPARE or op == "bit":
        width = draw(st.sampled_from(WIDTHS))
        one = draw(bitvectors(width, depth - 1))
        if op == "bit":
            return Recipe("bit", 0, (one,), draw(st.integers(0, width - 1)))
        return Recipe(op, 0, (one, draw(bitvectors(width, depth - 1))))
    count = {"not": 1, "ite": 3}.get(op, 2)
    return Recipe(op, 0, tuple(draw(booleans(depth - 1)) for _ in range(count)))


@st.composite
def bitvectors(draw: Draw, width: int, depth: int = 3) -> Recipe:
    """Recipes of bit-vectors of `width` bits."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(_leaves(width))  # type: ignore[no-any-return]
    ops = [*BINARY, "add", "sub", "not", "neg", "ite", "ite", "extract", "bits"]
    ops += ["concat", "zext", "sext"] if width > 1 else []
    ops += ["select", "select"] if width in (8, 36) else []
    op = draw(st.sampled_from(ops))
    if op in BINARY:
        return Recipe(op, width, (draw(bitvectors(width, depth - 1)), draw(bitvectors(width, depth - 1))))
    if op in ("not", "neg"):
        return Recipe(op, width, (draw(bitvectors(width, depth - 1)),))
    if op == "ite":
        arms = (draw(bitvectors(width, depth - 1)), draw(bitvectors(width, depth - 1)))
        return Recipe(op, width, (draw(booleans(depth - 1)), *arms))
    if op == "bits":
        return Recipe(op, width, (draw(booleans(depth - 1)),), width)
    if op == "select":
        index, cell = draw(st.sampled_from([pair for pair in ARRAYS if pair[1] == width]))
        return Recipe(op, width, (draw(arrays(index, cell, depth - 1)), draw(bitvectors(index, depth - 1))))
    return draw(_resized(op, width, depth))  # type: ignore[no-any-return]


@st.composite
def _leaves(draw: Draw, width: int) -> Recipe:
    names = [f"x{width}", f"y{width}"] if width in WIDTHS else []
    choice = draw(st.sampled_from([*names, None]))
    return Recipe("var", width, (), choice) if choice else Recipe("const", width, (), draw(numbers(width)))


@st.composite
def _resized(draw: Draw, op: str, width: int, depth: int) -> Recipe:
    if op == "extract":
        low, above = draw(st.integers(0, 9)), draw(st.integers(0, 9))
        whole = draw(bitvectors(width + low + above, depth - 1))
        return Recipe(op, width, (whole,), (low + width - 1, low))
    part = draw(st.integers(1, width - 1))
    if op == "concat":
        return Recipe(op, width, (draw(bitvectors(width - part, depth - 1)), draw(bitvectors(part, depth - 1))))
    return Recipe(op, width, (draw(bitvectors(part, depth - 1)),), width)


@st.composite
def arrays(draw: Draw, index: int, cell: int, depth: int = 3) -> Recipe:
    """Recipes of arrays: a variable or constant, moved, stored into, or a choice of two chains on one base."""
    if draw(st.integers(0, 7)):
        array = Recipe("var", -index, (), (f"m{index}_{cell}", cell))
    else:
        array = Recipe("constarray", -index, (draw(bitvectors(cell, 1)),), index)
    for _ in range(draw(st.integers(0, depth))):
        op = draw(st.sampled_from(("store", "store", "shift", "ite")))
        if op == "shift":
            array = Recipe("shift", -index, (array, draw(bitvectors(index, 1))))
        elif op == "store":
            array = draw(_stored(array, index, cell))
        else:
            arms = [draw(_stored(array, index, cell)), array]
            if draw(st.booleans()):
                arms[1] = draw(_stored(array, index, cell))
            array = Recipe("ite", -index, (draw(booleans(1)), *arms))
    return array


@st.composite
def _stored(draw: Draw, array: Recipe, index: int, cell: int) -> Recipe:
    place, value = draw(bitvectors(index, 1)), draw(bitvectors(cell, 1))
    return Recipe("store", -index, (array, place, value, draw(booleans(1))))


def terms(depth: int = 3) -> st.SearchStrategy[Recipe]:
    """Recipes of Bools and of bit-vectors of every width."""
    return st.one_of(booleans(depth), *[bitvectors(width, depth) for width in WIDTHS])
