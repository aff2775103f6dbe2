"""The value of a term where its variables have values, by a walk that leaves out what does not matter.

A branch that is not taken, and the rest of a conjunction after a part that is false, are not looked at. For a
few values of a large term this beats generating code for it; for many values it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .semantics import BINARY, signed
from .sorts import Bool
from .term import Term


class Evaluation:
    """Values of terms under one assignment, each node at most once.

    `read` gives the value of a variable: an integer, a truth value, or for an array a mapping from index to
    cell, in which an index that is missing has the value 0.

    >>> from ringproof.model.terms import BitVec, var
    >>> x = var("x", BitVec(8))
    >>> Evaluation(lambda variable: 2).value((x + 255) | 4)
    5
    """

    def __init__(self, read: Callable[[Term], Any]) -> None:
        self._read = read
        self._known: dict[int, Any] = {}
        self._kept: list[Term] = []

    def value(self, root: Term) -> Any:
        """The value of a Bool or a bit-vector."""
        known = self._known
        self._kept.append(root)
        stack = [root]
        while stack:
            node = stack[-1]
            if id(node) in known:
                stack.pop()
                continue
            needed = _needed(node, known)
            if needed is not None:
                stack.append(needed)
                continue
            known[id(node)] = self._apply(node)
            stack.pop()
        return known[id(root)]

    def _apply(self, node: Term) -> Any:
        known, op = self._known, node.op
        if op in ("var", "const"):
            value = self._read(node) if op == "var" else node.value
            return bool(value) if node.sort is Bool else value
        if op == "ite":
            condition, then, other = node.args
            return known[id(then if known[id(condition)] else other)]
        if op in ("and", "or"):
            absorbing = op == "or"
            return absorbing if any(known.get(id(a)) is absorbing for a in node.args) else not absorbing
        args = [known[id(arg)] for arg in node.args]
        if op == "select":
            return args[0].get(args[1], getattr(args[0], "default", 0))
        if op in ("not", "eq", "ult", "slt"):
            return _truth(node, args)
        return _number(node, args) & ((1 << node.width) - 1)


def _needed(node: Term, known: Mapping[int, Any]) -> Term | None:
    """An argument that has to be known before `node` is, or None."""
    if node.op == "ite":
        condition, then, other = node.args
        if id(condition) not in known:
            return condition
        branch = then if known[id(condition)] else other
        return None if id(branch) in known else branch
    if node.op in ("and", "or"):
        absorbing = node.op == "or"
        if any(known.get(id(arg)) is absorbing for arg in node.args):
            return None
    return next((arg for arg in node.args if id(arg) not in known), None)


def _truth(node: Term, args: list[Any]) -> bool:
    if node.op == "not":
        return not args[0]
    if node.op == "eq":
        return bool(args[0] == args[1])
    if node.op == "ult":
        return bool(args[0] < args[1])
    width = node.args[0].width
    return signed(args[0], width) < signed(args[1], width)


def _number(node: Term, args: list[Any]) -> int:
    op, data = node.op, node.data
    if op == "extract":
        assert isinstance(data, int)
        return int(args[0] >> data)
    if op == "concat":
        total = 0
        for arg, value in zip(node.args, args, strict=True):
            total = total << arg.width | value
        return total
    if op == "add":
        assert isinstance(data, tuple)
        return int(data[0] + sum(c * value for c, value in zip(data[1:], args, strict=True)))
    if op == "sext":
        return signed(args[0], node.args[0].width)
    if op == "bvnot":
        return int(~args[0])
    return BINARY[op](args[0], args[1], node.width)
