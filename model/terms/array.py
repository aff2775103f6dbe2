"""Arrays: a base (a variable or a constant array, perhaps moved) under a chain of guarded stores.

Reading folds through the chain at once, so a `select` node only ever reads a variable: solvers see no
store, and `shift(m, x)` (the memory m moved up by x) vanishes into the addresses.
"""

from __future__ import annotations

from . import bitvector, boolean
from .sorts import Array, ArraySort
from .term import Term, TermError, make


def _sort(array: Term) -> ArraySort:
    if isinstance(array.sort, ArraySort):
        return array.sort
    raise TermError(f"an array was expected, but {array!r} is of sort {array.sort}")


def constant_array(index_width: int, value: Term) -> Term:
    """The array that holds `value` at every index."""
    return make("constarray", Array(index_width, value.width), (value,))


def select(array: Term, index: Term) -> Term:
    """The value of `array` at `index`."""
    sort = _sort(array)
    index = bitvector.coerce(index, sort.index.width)
    layers: list[tuple[Term, Term]] = []
    while array.op in ("store", "shift"):
        if array.op == "shift":
            index = bitvector.subtract(index, array.args[1])
            array = array.args[0]
            continue
        below, where, value, guard = array.args
        hit = boolean.all_of(choice.equal(where, index), guard)
        if hit is boolean.TRUE:
            array = constant_array(sort.index.width, value)
            break
        if hit is not boolean.FALSE:
            layers.append((hit, value))
        array = below
    result = array.args[0] if array.op == "constarray" else make("select", sort.value, (array, index))
    for hit, value in reversed(layers):
        result = choice.ite(hit, value, result)
    return result


def store(array: Term, index: Term | int, value: Term | int, guard: Term | bool = True) -> Term:
    """`array` with `value` at `index`, where `guard` holds."""
    sort = _sort(array)
    index, value = bitvector.coerce(index, sort.index.width), bitvector.coerce(value, sort.value.width)
    guard = boolean.coerce(guard)
    if guard is boolean.FALSE or select(array, index) is value:
        return array
    if array.op == "shift":
        base, offset = array.args
        return shift(store(base, bitvector.subtract(index, offset), value, guard), offset)
    if array.op == "store" and array.args[1] is index and (guard is boolean.TRUE or guard is array.args[3]):
        array = array.args[0]
    return make("store", sort, (array, index, value, guard))


def shift(array: Term, offset: Term) -> Term:
    """`array` moved up by `offset`: its value at i is that of `array` at i - offset."""
    sort = _sort(array)
    offset = bitvector.coerce(offset, sort.index.width)
    if array.op == "shift":
        array, offset = array.args[0], bitvector.add(array.args[1], offset)
    if (offset.op == "const" and offset.value == 0) or array.op == "constarray":
        return array
    return make("shift", sort, (array, offset))


def stores(array: Term) -> tuple[Term, list[tuple[Term, Term, Term]]]:
    """The base under the chain, and the chain's (index, value, guard) from the oldest to the newest."""
    chain: list[tuple[Term, Term, Term]] = []
    while array.op == "store":
        array, index, value, guard = array.args
        chain.append((index, value, guard))
    return array, chain[::-1]


def merge(condition: Term, then: Term, other: Term) -> Term:
    """If-then-else of two chains on one base, as one chain with the condition in its guards."""
    if then.op == "shift" and other.op == "shift" and then.args[1] is other.args[1]:
        return shift(merge(condition, then.args[0], other.args[0]), then.args[1])
    base, mine = stores(then)
    other_base, theirs = stores(other)
    if base is not other_base:
        raise TermError("both arms of an array choice must be stores onto the same array")
    common = 0
    while common < min(len(mine), len(theirs)) and _same(mine[common], theirs[common]):
        common += 1
    result = base
    for index, value, guard in mine[:common]:
        result = make("store", base.sort, (result, index, value, guard))
    for index, value, guard in theirs[common:]:
        result = store(result, index, value, guard & boolean.negate(condition))
    for index, value, guard in mine[common:]:
        result = store(result, index, value, guard & condition)
    return result


def _same(a: tuple[Term, Term, Term], b: tuple[Term, Term, Term]) -> bool:
    return a[0] is b[0] and a[1] is b[1] and a[2] is b[2]


from . import choice  # noqa: E402  (a read through a store is a choice)
