"""Terms as Python source: the reference reader. Each shared node is computed once, each other in place.

Bit-vectors are non-negative integers, Bools are truth values, arrays are `Cells`. The source is made of our
own terms only; names of components and fields never enter it except as quoted strings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ringproof.model.terms import ArraySort, BitVecSort, BoolSort, Term, topological
from ringproof.model.terms.array import stores
from ringproof.model.terms.semantics import BINARY

DEEPEST_EXPRESSION = 24


class Cells(dict[int, int]):
    """The cells of an array that differ from its default value."""

    __slots__ = ("default",)

    def __init__(self, cells: Mapping[int, int] | Iterable[tuple[int, int]] = (), default: int = 0) -> None:
        super().__init__(cells)
        self.default = default

    def __missing__(self, index: int) -> int:
        return self.default

    def copy(self) -> Cells:
        return Cells(self, self.default)

    def moved(self, offset: int, size: int) -> Cells:
        """The same cells `offset` further on, in an array of `size` cells."""
        return Cells({(i + offset) % size: cell for i, cell in self.whole().items()}, self.default)

    def blocks(self) -> Iterable[tuple[int, bytes]]:
        """Runs of byte cells that stand below those of the dictionary: the first index, and the cells."""
        return ()

    def whole(self) -> Cells:
        """The same array with all its cells in the dictionary. Raises TypeError where a subclass makes them up."""
        if type(self).__missing__ is not Cells.__missing__:
            raise TypeError(f"the cells of a {type(self).__name__} are not all known")
        return self


class Source:
    """A function under construction. `inputs` gives the Python expression that reads each variable."""

    def __init__(self, inputs: Mapping[Term, str], roots: Iterable[Term]) -> None:
        self.lines: list[str] = []
        self._inputs = inputs
        roots = list(roots)
        self._uses: Counter[int] = Counter(id(root) for root in roots)
        for node in topological(roots):
            for arg in node.args:
                self._uses[id(arg)] += 1
        self._texts: dict[int, str] = {}
        self._depths: dict[int, int] = {}
        self._kept = roots

    def expression(self, root: Term) -> str:
        """The expression for `root`; the lines it rests on are appended before it."""
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if id(node) in self._texts:
                continue
            if not ready:
                stack.append((node, True))
                stack.extend((arg, False) for arg in reversed(node.args))
                continue
            self._emit(node)
        return self._texts[id(root)]

    def settled(self, root: Term) -> str:
        """Like `expression`, but computed at this point: a name or a constant."""
        text = self.expression(root)
        return text if root.op == "const" else self._operand(text)

    def _emit(self, node: Term) -> None:
        args = [self._texts[id(arg)] for arg in node.args]
        depth = 1 + max((self._depths[id(arg)] for arg in node.args), default=0)
        if node.op == "var":
            text, depth = self._name(self._inputs[node]), 0
        else:
            text = self._text(node, args)
            if node.op != "const" and (self._uses[id(node)] > 1 or depth > DEEPEST_EXPRESSION):
                text, depth = self._name(text), 0
        self._texts[id(node)] = text
        self._depths[id(node)] = depth

    def _name(self, text: str) -> str:
        name = f"t{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return name

    def _operand(self, text: str) -> str:
        """`text` as a name, for an operation that mentions its operand twice."""
        return text if text.isidentifier() or text.isdigit() else self._name(text)

    def _text(self, node: Term, args: Sequence[str]) -> str:
        if node.op == "const":
            assert isinstance(node.data, int)
            return str(bool(node.data)) if isinstance(node.sort, BoolSort) else str(node.data)
        if isinstance(node.sort, ArraySort):
            if node.op == "constarray":
                return f"Cells((), {args[0]})"
            raise AssertionError(f"an array is read from a variable, not from {node.op}")
        plain = {"and": " and ", "or": " or "}.get(node.op)
        if plain is not None:
            return f"({plain.join(args)})"
        if node.op == "not":
            return f"(not {args[0]})"
        if node.op == "eq":
            return f"({args[0]} == {args[1]})"
        if node.op == "ite":
            return f"({args[1]} if {args[0]} else {args[2]})"
        if node.op == "select":
            return f"{args[0]}[{args[1]}]"
        if node.op == "ult":
            return f"({args[0]} < {args[1]})"
        if node.op == "slt":
            half = 1 << (node.args[0].width - 1)
            return f"(({args[0]} ^ {half}) < ({args[1]} ^ {half}))"
        return self._number(node, args)

    def _number(self, node: Term, args: Sequence[str]) -> str:
        width, mask, data = node.width, (1 << node.width) - 1, node.data
        if node.op == "extract":
            assert isinstance(data, int)
            shifted = f"({args[0]} >> {data})" if data else args[0]
            return shifted if data + width == node.args[0].width else f"({shifted} & {mask})"
        if node.op == "concat":
            pieces, low = [], width
            for arg, text in zip(node.args, args, strict=True):
                low -= arg.width
                if arg.op != "const" or arg.value:
                    pieces.append(f"{text} << {low}" if low else text)
            return "(" + " | ".join(f"({p})" for p in pieces) + ")"
        if node.op == "add":
            assert isinstance(data, tuple)
            return f"({_sum(data, args, width)} & {mask})"
        if node.op == "sext":
            half = 1 << (node.args[0].width - 1)
            return f"((({args[0]} ^ {half}) - {half}) & {mask})"
        if node.op == "bvnot":
            return f"({args[0]} ^ {mask})"
        if node.op in ("bvand", "bvor", "bvxor"):
            return f"({args[0]} {'&' if node.op == 'bvand' else '|' if node.op == 'bvor' else '^'} {args[1]})"
        if node.op == "mul":
            return f"(({args[0]} * {args[1]}) & {mask})"
        if node.op == "lshr":
            return f"({args[0]} >> {args[1]})"
        if node.op == "shl":
            amount = self._operand(args[1])
            return f"((({args[0]} << {amount}) & {mask}) if {amount} < {width} else 0)"
        if node.op == "ashr":
            half = 1 << (width - 1)
            return f"(((({args[0]} ^ {half}) - {half}) >> {args[1]}) & {mask})"
        if node.op in ("udiv", "urem"):
            divisor = self._operand(args[1])
            dividend = self._operand(args[0])
            other = mask if node.op == "udiv" else dividend
            return f"(({dividend} {'//' if node.op == 'udiv' else '%'} {divisor}) if {divisor} else {other})"
        assert node.op in ("sdiv", "srem"), node.op
        return f"({node.op}({args[0]}, {args[1]}, {width}) & {mask})"


def _sum(data: tuple[int, ...], args: Sequence[str], width: int) -> str:
    half = 1 << (width - 1)
    text = ""
    for coefficient, arg in zip(data[1:], args, strict=True):
        sign, size = ("-", (1 << width) - coefficient) if coefficient >= half else ("+", coefficient)
        text += f" {sign} {arg}" if size == 1 else f" {sign} {size} * {arg}"
    if data[0]:
        text += f" - {(1 << width) - data[0]}" if data[0] >= half else f" + {data[0]}"
    return f"({text.removeprefix(' + ').removeprefix(' ')})"


def define(source: Source, parameters: str) -> Callable[..., Any]:
    """The function of `parameters` with the lines of `source`."""
    body = "\n".join(f"    {line}" for line in source.lines) or "    pass"
    names: dict[str, Any] = {"Cells": Cells, "sdiv": BINARY["sdiv"], "srem": BINARY["srem"]}
    exec(compile(f"def function({parameters}):\n{body}\n", "<terms>", "exec"), names)
    return names["function"]  # type: ignore[no-any-return]


def compile_terms(roots: Sequence[Term]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """A function from an assignment (variable name to integer, truth value or Cells) to the roots' values.

    Roots are Bools and bit-vectors. Variables are read by name.

    >>> from ringproof.model.terms import BitVec, var
    >>> x = var("x", BitVec(8))
    >>> compile_terms([x + 255, x < 3])({"x": 2})
    (1, True)
    """
    source = Source(_by_name(roots), roots)
    values = [source.expression(root) for root in roots]
    source.lines.append(f"return ({', '.join(values)}{',' if len(values) == 1 else ''})")
    return define(source, "values")


def _by_name(roots: Iterable[Term]) -> dict[Term, str]:
    return {node: f"values[{node.name!r}]" for node in topological(roots) if node.op == "var"}


def guarded_writes(array: Term) -> list[tuple[Term, Term, Term]]:
    """The writes (index, value, guard) that turn an array variable into `array`, oldest first."""
    base, writes = stores(array)
    if base.op != "var":
        raise AssertionError(f"an array is built by stores onto a variable, not onto {base.op}")
    return writes


def default_value(sort: object) -> int | Cells:
    """Zero of a sort: 0, or no cells."""
    if isinstance(sort, ArraySort):
        return Cells()
    assert isinstance(sort, BoolSort | BitVecSort)
    return 0
