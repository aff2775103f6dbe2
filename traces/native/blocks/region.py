"""The code of a region: a function that takes at most so many steps of a world, and returns how many it took.

It returns 0 at once unless the slow components and the cells that it was made from have the values it was made for.
Components live in local variables and are written back where the region is left, always between two instructions:
before one that would trap, that must be left to the kernel, or for which there are no steps left.
"""

from __future__ import annotations

from ringproof.model.machine import Machine
from ringproof.model.terms import FALSE, TRUE, ArraySort, BoolSort, Term, substitute, topological, var
from ringproof.traces.python_code import guarded_writes

from ..emit import Emitter, Support, kind
from ..graph import Graph, Plan
from ..layout import WORLD, Layout, bytes_of
from ..memory import OWNED
from ..outcomes import Write, joined
from ..wasm import I32, I64, Function, Op
from ..wide import WideFunctions
from .cells import CellChecks, Watch
from .flow import Key, Node
from .module import LinkedModule
from .shape import Block, Shape
from .specialize import Cell
from .stores import Prepared
from .values import Leaving, Next, Part, ReadOnly, Values, VariableEmitter, loads_of
from .variant import Variant, targets
from .view import constant

BUDGET = 0
MOST_LEADING = 4


class UnstableError(Exception):
    """Cells were watched that the region itself writes; it has to be made again without."""

    def __init__(self, cells: list[Cell]) -> None:
        super().__init__(f"{len(cells)} watched cells are written")
        self.cells = cells


class RegionCode:
    """Writes the function of one shape."""

    def __init__(
        self, machine: Machine, slow: tuple[str, ...], layout: Layout, module: LinkedModule, shape: Shape
    ) -> None:
        self._machine, self._slow, self._layout, self._shape = machine, slow, layout, shape
        memory = ReadOnly(module, layout, 0, logged=False)
        self._support = Support(memory, WideFunctions(module))
        self._f = Function("region", (I64, I32), (I64,))
        self._left = self._f.local(I64)
        self._owned = self._f.local(I32)
        self._bound: dict[int, int] = {}
        self._kept: list[Term] = []
        self._marks: dict[Block, int] = {}
        self._loops: dict[Block, int] = {}
        code = {cell: v for node in shape.nodes.values() if node.found for cell, v in node.found.cells.items()}
        variants = [v for node in shape.nodes.values() for v in node.variants]
        watched = {cell: value for v in variants for cell, value in v.cells.items()}
        self.watch = Watch(code, watched, layout)
        changed = {n for v in variants for n, t in v.state.items() if not isinstance(t.sort, ArraySort)}
        read = {n.name for v in variants for n in topological(_roots(v)) if n.op == "var"}
        read = {name for name in read if not isinstance(machine.components[name].sort, ArraySort)}
        self._changed = sorted(changed - {machine.counter})
        self._names = sorted((changed | read) - set(slow) - {machine.counter})
        self._flags = {n for n in changed if isinstance(machine.components[n].sort, BoolSort)} - set(slow)
        rests = {name for node in shape.nodes.values() if node.found for name in node.found.read}
        rests |= {name for variant in variants for name in variant.read}
        self._checked = sorted((rests | changed) & set(slow))

    def function(self) -> Function:
        f = self._f
        self._enter()
        head = self._shape.head
        values = self._canonical(head.key)
        if self._afford(head, values):
            self._tree(head, values)
        f.op(Op.UNREACHABLE)
        return f

    # Entering and leaving.

    def _enter(self) -> None:
        f, head = self._f, self._shape.head
        values = dict(zip(self._slow, head.key[1], strict=True))
        inside, out = f.block(), f.block()
        for name in self._checked:
            self._load(name)
            f.const(self._kind(name), values[name])
            f.op(Op.I32_NE if self._kind(name) == I32 else Op.I64_NE)
            f.branch_if(out)
        CellChecks(f, self._layout, self.watch.cells).check(out)
        f.branch(inside)
        f.end()
        f.const(I64, 0)
        f.op(Op.RETURN)
        f.end()
        for name in self._names:
            number = f.local(self._kind(name))
            self._load(name)
            f.set(number)
            self._bind(self._machine.variables[name], number)
        f.get(BUDGET)
        f.set(self._left)
        f.const(I32, 0)
        f.load(I32, 4, OWNED)
        f.set(self._owned)

    def _bind(self, variable: Term, number: int) -> Term:
        self._bound[id(variable)] = number
        self._kept.append(variable)
        return variable

    def _kind(self, name: str) -> int:
        return kind(self._machine.variables[name])

    def _load(self, name: str) -> None:
        self._f.get(WORLD)
        self._f.load(self._kind(name), bytes_of(self._machine.components[name].sort), self._layout.slots[name].offset)

    def _canonical(self, key: Key) -> Values:
        """At a join, what is not slow is in the local variables of the components."""
        scalars = dict(self._machine.variables)
        for name, value in zip(self._slow, key[1], strict=True):
            scalars[name] = constant(value, self._machine.components[name].sort)
        return Values(scalars, {})

    def _push(self, term: Term) -> None:
        if term.is_constant:
            self._f.const(kind(term), term.value)
        else:
            self._f.get(self._bound[id(term)])

    def _exit(self, leaving: Leaving) -> None:
        """Writes everything back and returns."""
        f, slots, values = self._f, self._layout.slots, leaving.values
        for name, term in (*[(n, values.scalars[n]) for n in self._changed], (self._machine.counter, leaving.counter)):
            f.get(WORLD)
            self._push(term)
            f.store(kind(term), bytes_of(self._machine.components[name].sort), slots[name].offset)
        f.get(BUDGET)
        f.get(self._left)
        f.op(Op.I64_SUB)
        if leaving.undone:
            f.const(I64, leaving.undone)
            f.op(Op.I64_SUB)
        f.op(Op.RETURN)

    def _counter(self, value: int) -> Term:
        return constant(value, self._machine.components[self._machine.counter].sort)

    # Blocks.

    def _tree(self, block: Block, values: Values) -> None:
        """The block and what it dominates."""
        f = self._f
        if block.joins:
            values = self._canonical(block.key)
        if block.loop:
            self._loops[block] = f.loop()
        joins = sorted([child for child in block.children if child.joins], key=lambda b: b.number)
        for child in reversed(joins):
            self._marks[child] = f.block()
        self._block(block, values)
        for child in joins:
            f.end()
            self._tree(child, values)
        if block.loop:
            f.end()

    def _afford(self, block: Block, values: Values) -> bool:
        """Leaves the region where there are no steps left for the block, or its first instructions would leave it.

        This stands before the jump to a join, so that what only an exit needs is computed on the way out alone:
        after the join, it would have to be there in local variables. Returns whether there is a way on.
        """
        f, leaving = self._f, Leaving(values, self._counter(block.key[0]), 0)
        f.get(self._left)
        f.const(I64, len(block.nodes))
        f.op(Op.I64_LT_U)
        f.if_()
        self._exit(leaving)
        f.end()
        ahead = values.copy()
        leading = block.nodes[: self._leading(block)]
        for node in leading:
            part = Part.CONDITIONS if node is leading[-1] else Part.AHEAD
            done = self._variant(node.variants[0], ahead, leaving, None, part)
            if done is None:
                return False
            ahead = done[0]
        return True

    def _leading(self, block: Block) -> int:
        """How many of a join's first instructions have their conditions before the jump.

        They are those up to the one that overwrites most flags, or stores; nothing is gained after it.
        """
        if not block.joins:
            return 0
        count = found = 0
        for node in block.nodes[:MOST_LEADING]:
            if len(node.variants) != 1:
                break
            variant, count = node.variants[0], count + 1
            stores = any(isinstance(term.sort, ArraySort) for term in variant.state.values())
            if variant.checks or variant.leaves is not FALSE or stores:
                found = count
            if stores or 2 * len(self._flags & variant.state.keys()) > len(self._flags):
                break
        return found

    def _block(self, block: Block, values: Values) -> None:
        f, count = self._f, len(block.nodes)
        f.get(self._left)
        f.const(I64, count)
        f.op(Op.I64_SUB)
        f.set(self._left)
        leading = self._leading(block)
        for position, node in enumerate(block.nodes):
            leaving = Leaving(values, self._counter(node.key[0]), count - position)
            part = Part.REST if position < leading else Part.WHOLE
            if position == count - 1:
                self._last(block, node, leaving, part)
                return
            done = self._variant(node.variants[0], values, leaving, None, part)
            if done is None:
                return
            values = done[0]

    def _last(self, block: Block, node: Node, leaving: Leaving, part: Part) -> None:
        f = self._f
        for variant in node.variants:
            fail = f.block()
            done = self._variant(variant, leaving.values.copy(), leaving, fail, part)
            if done is not None:
                self._go(block, variant, *done)
            f.end()
        self._exit(leaving)

    def _go(self, block: Block, variant: Variant, values: Values, where: Next) -> None:
        f = self._f
        if isinstance(where, Term):
            self._exit(Leaving(values, where, 0))
        elif isinstance(where, tuple):
            f.get(where[0])
            f.if_()
            self._go(block, variant, values.copy(), where[1])
            f.else_()
            self._go(block, variant, values, where[2])
            f.end()
        else:
            self._jump(block, (where, variant.slow), values)

    def _jump(self, block: Block, key: Key, values: Values) -> None:
        f, target = self._f, self._shape.edges.get((block, key))
        if target is None:
            self._exit(Leaving(values, self._counter(key[0]), 0))
        elif not self._afford(target, values):
            return
        elif not target.joins:
            self._tree(target, values)
        else:
            moved = [n for n in self._names if values.scalars[n] is not self._machine.variables[n]]
            for name in moved:
                self._push(values.scalars[name])
            for name in reversed(moved):
                f.set(self._bound[id(self._machine.variables[name])])
            f.branch(self._loops[target] if target.number <= block.number else self._marks[target])

    # Instructions.

    def _variant(
        self, variant: Variant, values: Values, leaving: Leaving, fail: int | None, part: Part
    ) -> tuple[Values, Next] | None:
        """The code of one way of an instruction; the values after it, or None where it always leaves.

        It branches to `fail` (or leaves the region) where a check does not hold.
        """
        f = self._f
        plain = {n: t for n, t in variant.state.items() if not isinstance(t.sort, ArraySort)}
        plain.pop(self._machine.counter, None)
        writes = [(n, w) for n, t in variant.state.items() if isinstance(t.sort, ArraySort) for w in guarded_writes(t)]
        next_ = variant.next
        if part is Part.CONDITIONS:
            plain, next_ = {}, leaving.counter
            writes = [(n, (i, v if i.is_constant else constant(0, v.sort), g)) for n, (i, v, g) in writes]
        roots = [term for term, _ in variant.checks] + [variant.leaves, next_, *plain.values()]
        roots = self._substituted([*roots, *[part for _, write in writes for part in write]], values)
        roots = self._with_loads(roots)
        checks = [(t, v) for t, (_, v) in zip(roots, variant.checks, strict=False)]
        leaves, after = roots[len(checks)], roots[len(checks) + 1]
        rest = roots[len(checks) + 2 :]
        plain = dict(zip(plain, rest, strict=False))
        parts = rest[len(plain) :]
        if any(term.is_constant and term.value != value for term, value in checks):
            if fail is not None:
                f.branch(fail)
                return None
            self._exit(leaving)
            return None
        checks = [(term, value) for term, value in checks if not term.is_constant]
        stores = self._stores([n for n, _ in writes], parts)
        if leaves is TRUE or any(self.watch.forbids(n, w) for n, w in stores):
            self._exit(leaving)
            return None
        choices = _conditions(after)

        plan = Plan(Graph())
        wanted = [term for term, _ in checks] + [leaves, *plain.values(), *choices]
        if not choices and not after.is_constant:
            wanted.append(after)
        for term in (*wanted, *[part for _, w in stores for part in w[:3]]):
            plan.use(term, plan.root)
        plan.settle()
        e = VariableEmitter(f, plan, self._support, self._bound)
        e.open(plan.root)
        for term, value in checks if part is not Part.REST else ():
            e.value(term)
            f.const(kind(term), value)
            f.op(Op.I32_NE if kind(term) == I32 else Op.I64_NE)
            if fail is not None:
                f.branch_if(fail)
            else:
                f.if_()
                self._exit(leaving)
                f.end()
        prepared = [self._prepare(e, name, write) for name, write in stores]
        conditions = [condition for item in prepared for condition in item.conditions]
        if part is not Part.REST and (conditions or leaves is not FALSE):
            e.value(leaves)
            for condition in conditions:
                condition()
                f.op(Op.I32_OR)
            f.if_()
            self._exit(leaving)
            f.end()
        result = values.copy()
        for name, term in plain.items():
            result.scalars[name] = self._settled(e, name, term)
        where = self._next(e, after)
        for item in prepared if part in (Part.WHOLE, Part.REST) else ():
            item.store()
            self._note(result, item)
        return result, where

    def _substituted(self, roots: list[Term], values: Values) -> list[Term]:
        variables = self._machine.variables
        known = {variables[n]: t for n, t in values.scalars.items() if t is not variables[n]}
        roots = substitute(roots, known)
        while True:
            found: dict[Term, Term] = {}
            for node in topological(roots):
                if node.op == "select" and node.args[1].is_constant:
                    cell = (node.args[0].name, node.args[1].value)
                    if cell in self.watch.cells:
                        found[node] = constant(self.watch.cells[cell], node.sort)
                    elif cell in values.cells:
                        found[node] = values.cells[cell]
            if not found:
                return roots
            roots = substitute(roots, found)

    def _with_loads(self, roots: list[Term]) -> list[Term]:
        """`roots` with neighbouring cells that are read together in one variable: flags read single bits of them."""
        while loads := loads_of(roots):
            plan = Plan(Graph())
            for load in loads:
                plan.use(load, plan.root)
            plan.settle()
            e = VariableEmitter(self._f, plan, self._support, self._bound)
            e.open(plan.root)
            known: dict[Term, Term] = {}
            for load in loads:
                read = self._settled(e, "load", load)
                high = load.width
                for part in load.args:
                    known.setdefault(part, read[high - 1 : high - part.width])
                    high -= part.width
            roots = substitute(roots, known)
        return roots

    def _settled(self, e: Emitter, name: str, term: Term) -> Term:
        """`term` as a constant or a bound variable."""
        if term.is_constant or id(term) in self._bound:
            return term
        number = self._f.local(kind(term))
        e.value(term)
        self._f.set(number)
        return self._bind(var(f"{name}'{number}", term.sort), number)

    def _next(self, e: Emitter, term: Term) -> Next:
        if term.is_constant:
            return term.value
        if not _conditions(term):
            return self._settled(e, self._machine.counter, term)
        condition, then, other = term.args
        number = self._f.local(I32)
        e.value(condition)
        self._f.set(number)
        return number, self._next(e, then), self._next(e, other)

    # Stores.

    def _stores(self, names: list[str], parts: list[Term]) -> list[tuple[str, Write]]:
        """The writes in order, neighbouring bytes as one; those that never happen are left out."""
        found: list[tuple[str, Write]] = []
        for name in dict.fromkeys(names):
            own = [(parts[3 * n], parts[3 * n + 1], parts[3 * n + 2]) for n, owner in enumerate(names) if owner == name]
            found += [(name, write) for write in joined([write for write in own if write[2] is not FALSE])]
        for name, write in found:
            unstable = self.watch.unstable(name, write)
            if unstable:
                raise UnstableError(unstable)
        return found

    def _prepare(self, e: Emitter, name: str, write: Write) -> Prepared:
        return Prepared(self._f, e, self._layout.arrays[name], write, self._owned, self.watch)

    def _note(self, values: Values, item: Prepared) -> None:
        """What is known of cells after a store."""
        name, (index, _, guard, count) = item.place.name, item.write
        if not index.is_constant:
            values.cells = {cell: term for cell, term in values.cells.items() if cell[0] != name}
            return
        value = item.write[1]
        if not value.is_constant and id(value) not in self._bound:
            value = self._bind(var(f"{name}'{item.value}", value.sort), item.value)
        for number in range(max(count, 1)):
            cell = (name, (index.value + number) % (1 << index.width))
            if guard is TRUE:
                values.cells[cell] = value[8 * number + 7 : 8 * number] if count else value
            else:
                values.cells.pop(cell, None)


def _roots(variant: Variant) -> list[Term]:
    return [*[term for term, _ in variant.checks], variant.leaves, variant.next, *variant.state.values()]


def _conditions(term: Term) -> list[Term]:
    """The conditions of a choice of constants; none for anything else."""
    found = targets(term)
    if found is None or term.is_constant:
        return []
    return [term.args[0], *_conditions(term.args[1]), *_conditions(term.args[2])]
