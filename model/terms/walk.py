"""Traversals, all iterative: order, variables, substitution, and a short text for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache

from . import array, bitvector, boolean, choice
from .term import Term


def topological(roots: Iterable[Term]) -> list[Term]:
    """Every node below `roots` once, each after its arguments."""
    order: list[Term] = []
    seen: set[int] = set()
    for root in roots:
        # None stands above a term whose arguments have been visited.
        stack: list[Term | None] = [root]
        while stack:
            term = stack.pop()
            if term is None:
                visited = stack.pop()
                assert visited is not None
                order.append(visited)
            elif id(term) not in seen:
                seen.add(id(term))
                if term.args:
                    stack += (term, None)
                    stack += [arg for arg in reversed(term.args) if id(arg) not in seen]
                else:
                    order.append(term)
    return order


def variables(roots: Iterable[Term]) -> list[Term]:
    """The variables below `roots`, in the order in which they are first met."""
    return [term for term in topological(roots) if term.op == "var"]


@cache
def _constructors() -> dict[str, Callable[..., Term]]:
    return {
        "not": boolean.negate,
        "and": boolean.all_of,
        "or": boolean.any_of,
        "eq": choice.equal,
        "ite": choice.ite,
        "ult": bitvector.ult,
        "slt": bitvector.slt,
        "concat": bitvector.concat,
        "mul": bitvector.multiply,
        "bvand": bitvector.bit_and,
        "bvor": bitvector.bit_or,
        "bvxor": bitvector.bit_xor,
        "bvnot": bitvector.bit_not,
        "shl": bitvector.shift_left,
        "lshr": bitvector.shift_right,
        "ashr": bitvector.shift_right_arithmetic,
        "udiv": bitvector.udiv,
        "urem": bitvector.urem,
        "sdiv": bitvector.sdiv,
        "srem": bitvector.srem,
        "select": array.select,
        "store": array.store,
        "shift": array.shift,
    }


def rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    """`term` with other arguments, folded anew."""
    constructor = _constructors().get(term.op)
    if constructor is not None:
        return constructor(*args)
    if term.op == "extract":
        assert isinstance(term.data, int)
        return bitvector.extract(args[0], term.data + term.width - 1, term.data)
    if term.op == "sext":
        return bitvector.sign_extend(args[0], term.width)
    if term.op == "constarray":
        return array.constant_array(array._sort(term).index.width, args[0])
    if term.op == "add":
        assert isinstance(term.data, tuple)
        total = bitvector.wrap(term.data[0], term.width)
        for arg, coefficient in zip(args, term.data[1:], strict=True):
            total = bitvector.add(total, bitvector.scale(arg, coefficient))
        return total
    raise AssertionError(f"no constructor for {term.op}")


def substitute(roots: Iterable[Term], mapping: Mapping[Term, Term]) -> list[Term]:
    """`roots` with each key of `mapping` (usually variables) replaced by its value, folded anew."""
    roots = list(roots)
    done: dict[int, Term] = {id(key): value for key, value in mapping.items()}
    for term in topological(roots):
        if id(term) in done:
            continue
        args = tuple([done[id(arg)] for arg in term.args])
        unchanged = all(new is old for new, old in zip(args, term.args, strict=True))
        done[id(term)] = term if unchanged else rebuild(term, args)
    return [done[id(root)] for root in roots]


_INFIX = {"and": " & ", "or": " | ", "eq": " == ", "ult": " < ", "slt": " <s ", "mul": " * ", "bvand": " & "} | {
    "bvor": " | ", "bvxor": " ^ ", "shl": " << ", "lshr": " >> ", "ashr": " >>s ", "udiv": " / ", "urem": " % "
}  # fmt: skip


def show(term: Term, limit: int = 40) -> str:
    """A short text for `term`; parts beyond `limit` nodes are shown as an ellipsis."""
    texts: dict[int, str] = {}
    for node in topological([term]):
        parts = [texts[id(arg)] for arg in node.args]
        text = _show_node(node, parts)
        texts[id(node)] = text if len(text) <= limit * 8 else "…"
    return texts[id(term)]


def _show_node(node: Term, parts: list[str]) -> str:
    if node.op == "var":
        return node.name
    if node.op == "const":
        if node.sort is boolean.TRUE.sort:
            return "true" if node.data else "false"
        return f"{node.value:#x}:{node.width}" if node.value > 9 else f"{node.value}:{node.width}"
    if node.op == "not":
        return f"~{parts[0]}"
    if node.op == "extract":
        assert isinstance(node.data, int)
        high = node.data + node.width - 1
        return f"{parts[0]}[{high}:{node.data}]" if high > node.data else f"{parts[0]}[{high}]"
    if node.op == "select":
        return f"{parts[0]}[{parts[1]}]"
    if node.op == "add":
        assert isinstance(node.data, tuple)
        terms = [p if c == 1 else f"{c:#x}*{p}" for p, c in zip(parts, node.data[1:], strict=True)]
        return f"({' + '.join(terms + ([f'{node.data[0]:#x}'] if node.data[0] else []))})"
    if node.op in _INFIX:
        return f"({_INFIX[node.op].join(parts)})"
    return f"{node.op}({', '.join(parts)})"
