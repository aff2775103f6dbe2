"""Terms as code reads them: with facts assumed, runs of cells read at once, and a place for every node.

`Graph` resolves nodes under *facts* (conditions whose truth is known): a choice becomes its arm, a conjunction loses
what is known. `Plan` decides where a node is computed: a *region* is a stretch of code, the arms of a choice and the
later conditions of a conjunction are regions inside it, and a node that several places need is computed once, in the
innermost region around them all. So what only one arm needs is computed in that arm, which is worth more than
anything a compiler does afterwards. Terms have no effects and are total, so computing too early is never wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ringproof.model.terms import FALSE, TRUE, ArraySort, BitVecSort, Term
from ringproof.model.terms.bitvector import linear

from .layout import Slot
from .picks import Place, Truth, choice, leaf, truth

_COSTS = {"const": 0, "mul": 3, "select": 8, "udiv": 25, "urem": 25, "sdiv": 30, "srem": 30, "add": 2} | {
    "shl": 3, "lshr": 3, "ashr": 4, "sext": 2, "concat": 3
}  # fmt: skip
MANY = 1 << 20
DEEPEST_EXPRESSION = 24
DEEPEST_REGION = 40


@dataclass(frozen=True)
class Run:
    """`count` neighbouring byte cells of an array, read at once: the lowest at `index`."""

    array: Term
    index: Term
    count: int


class Graph:
    """Nodes under facts. `facts` gives the truth of conditions by their node.

    `arguments` has the arguments of resolved nodes, by their `id`. With `slots`, choices among these variables by a
    number's bits are read by an indexed load (see `picks`). Many functions share most of their nodes: `base` is a graph
    without facts, of the same slots, that knows them already.
    """

    def __init__(
        self,
        facts: Mapping[Term, bool] | None = None,
        slots: Mapping[str, Slot] | None = None,
        base: Graph | None = None,
    ) -> None:
        self._slots = slots or {}
        self._base = base
        self._places: dict[int, Place] = {}
        self._truths: dict[int, Truth] = {}
        self._facts = {id(node): TRUE if truth else FALSE for node, truth in (facts or {}).items()}
        self._kept: list[object] = [facts]
        self._same: dict[int, Term] = {}
        self.arguments: dict[int, tuple[Term, ...]] = {id(TRUE): (), id(FALSE): ()}
        self._parts: dict[int, tuple[Term | Run, ...]] = {}

    def resolve(self, root: Term) -> Term:
        """The node that stands for `root` under the facts."""
        same = self._same
        stack = [root]
        self._kept.append(root)
        while stack:
            node = stack[-1]
            if id(node) in same:
                stack.pop()
                continue
            waiting = [arg for arg in node.args if id(arg) not in same]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            same[id(node)] = self._resolved(node)
        return same[id(root)]

    def args(self, node: Term) -> tuple[Term, ...]:
        """The arguments of a resolved node, resolved; a run of cells has its index as the one argument."""
        return self.arguments[id(node)]

    def pick(self, node: Term) -> Place | None:
        """The place that a choice reads by its index, which is then its one argument."""
        return self._places.get(id(node)) if node.op == "ite" else None

    def parts(self, node: Term) -> tuple[Term | Run, ...]:
        """The parts of a join, highest first; their arguments are `args`, one by one."""
        return self._parts.get(id(node), self.arguments[id(node)])

    def _resolved(self, node: Term) -> Term:
        known = self._facts.get(id(node))
        if known is not None:
            return known
        same, op, args = self._same, node.op, node.args
        if self._base is not None and all(same[id(arg)] is arg for arg in args):
            self._take(node, self._base)
            return node
        if op == "concat" and (parts := _runs(node)) is not None:
            self._parts[id(node)] = parts
            args = tuple([part.index if isinstance(part, Run) else part for part in parts])
        if self._facts:
            args = tuple([same[id(arg)] for arg in args])
            if op == "ite" and args[0].op == "const":
                return args[1] if args[0].data else args[2]
            if op == "not" and args[0].op == "const":
                return FALSE if args[0].data else TRUE
            if op in ("and", "or"):
                unit, zero = (TRUE, FALSE) if op == "and" else (FALSE, TRUE)
                if any(arg is zero for arg in args):
                    return zero
                args = tuple([arg for arg in args if arg is not unit])
                if len(args) < 2:
                    return args[0] if args else unit
            if op == "concat" and id(node) in self._parts:
                self._parts[id(node)] = tuple(
                    [
                        Run(part.array, arg, part.count) if isinstance(part, Run) else arg
                        for part, arg in zip(self._parts[id(node)], args, strict=True)
                    ]
                )
        if self._slots:
            args = self._picked(node, args)
        self.arguments[id(node)] = args
        return node

    def _take(self, node: Term, base: Graph) -> None:
        """What `base` knows of a node that no fact concerns."""
        base.resolve(node)
        key = id(node)
        self.arguments[key] = base.arguments[key]
        if key in base._parts:
            self._parts[key] = base._parts[key]
        if key in base._places:
            self._places[key] = base._places[key]
        if key in base._truths:
            self._truths[key] = base._truths[key]

    def _picked(self, node: Term, args: tuple[Term, ...]) -> tuple[Term, ...]:
        """Notes what a condition says of a number, and which place a choice reads; its arguments then."""
        op = node.op
        if op == "ite" and isinstance(node.sort, BitVecSort):
            places = [self._places.get(id(arg)) for arg in args[1:]]
            place = choice(self._truths.get(id(args[0])), *places)
            if place is not None:
                assert place.number is not None
                self._places[id(node)] = place
                return (self._same[id(place.number)],)
        elif op in ("var", "extract"):
            place = leaf(node, self._slots)
            if place is not None:
                self._places[id(node)] = place
        elif op in ("eq", "and", "or", "not"):
            held = truth(node, self._truths)
            if held is not None:
                self._truths[id(node)] = held
        return args


def _runs(node: Term) -> tuple[Term | Run, ...] | None:
    """The parts of a join with neighbouring byte cells as runs of 2, 4 or 8; None where there are none."""
    args = node.args
    if node.width > 64 or sum([arg.op == "select" for arg in args]) < 2:
        return None
    parts: list[Term | Run] = []
    position = 0
    while position < len(args):
        count = run_length(args, position)
        last = args[position + count - 1]
        parts.append(Run(last.args[0], last.args[1], count) if count > 1 else last)
        position += count
    return tuple(parts) if len(parts) < len(args) else None


def run_length(args: tuple[Term, ...], position: int) -> int:
    """How many cells from `position` on (the highest first) lie next to each other: 8, 4, 2 or 1."""
    first = args[position]
    if first.op != "select" or first.width != 8:
        return 1
    sort = first.args[0].sort
    assert isinstance(sort, ArraySort)
    if sort.index.width < 16:
        return 1
    count = 1
    while position + count < len(args) and count < 8:
        other = args[position + count]
        if other.op != "select" or other.args[0] is not first.args[0]:
            break
        if distance(other.args[1], first.args[1]) != count:
            break
        count += 1
    return 8 if count == 8 else 4 if count >= 4 else 2 if count >= 2 else 1


def distance(low: Term, high: Term) -> int | None:
    """`high - low` modulo 2**width where it is a constant, read off the two sums."""
    constant, atoms = linear(high)
    other, others = linear(low)
    if len(atoms) != len(others) or any(others.get(atom) != c for atom, c in atoms.items()):
        return None
    return (constant - other) % (1 << low.width)


class Region:
    """A stretch of code; `nodes` are those computed at its start, operands first.

    `nest` counts the choices around it in one expression; a *statement* region starts from zero again.
    """

    __slots__ = ("depth", "nest", "nodes", "parent")

    def __init__(self, parent: Region | None, nest: int) -> None:
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.nest = nest
        self.nodes: list[Term] = []


def _around(a: Region, b: Region) -> Region:
    """The innermost region around both."""
    while a is not b:
        if a.depth >= b.depth:
            assert a.parent is not None
            a = a.parent
        else:
            assert b.parent is not None
            b = b.parent
    return a


class Plan:
    """Where each node is computed. `use` says what each region needs; `settle` then decides.

    `kept` are the nodes that get a local variable; the others are computed where they are used, once.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._regions: list[Region] = []
        self.root = self._region(None, 0)
        self._uses: dict[int, tuple[Region, int]] = {}
        self._wanted: list[Term] = []
        self.arms: dict[int, tuple[Region, ...]] = {}
        self.ordered: dict[int, tuple[Term, ...]] = {}
        self.costs: dict[int, int] = {}
        self.kept: set[int] = set()

    def _region(self, parent: Region | None, nest: int) -> Region:
        region = Region(parent, nest)
        self._regions.append(region)
        return region

    def statement(self, parent: Region) -> Region:
        """A region inside `parent` for statements, which code generation reaches without recursion."""
        return self._region(parent, 0)

    def use(self, term: Term, region: Region, times: int = 1) -> Term:
        """Says that code in `region` needs `term`; the node that stands for it. Twice keeps it in a variable."""
        node = self.graph.resolve(term)
        self._wanted.append(node)
        self._use(node, region, times)
        return node

    def _use(self, node: Term, region: Region, times: int = 1) -> None:
        found = self._uses.get(id(node))
        self._uses[id(node)] = (region, times) if found is None else (_around(found[0], region), found[1] + times)

    def settle(self) -> None:
        """Places every node that is needed, users before what they use, so that all uses of each are known."""
        order = _order(self.graph, self._wanted)
        static, deep, args_of, uses = order.costs, order.deep, self.graph.arguments, self._uses
        for node in reversed(order.nodes):
            region, count = uses[id(node)]
            op = node.op
            if op == "const" or isinstance(node.sort, ArraySort):
                continue
            if region.nest > DEEPEST_REGION:
                while region.nest > DEEPEST_REGION:
                    assert region.parent is not None
                    region = region.parent
                count = 2
            wide = isinstance(node.sort, BitVecSort) and node.sort.width > 64 and op != "var"
            if count > 1 or wide or id(node) in deep:
                self.kept.add(id(node))
                region.nodes.append(node)
            args = args_of[id(node)]
            if op == "ite" and self.graph.pick(node) is None:
                then, other = self._region(region, region.nest + 1), self._region(region, region.nest + 1)
                self.arms[id(node)] = then, other
                places = [region, then, other]
            elif op in ("and", "or"):
                args = tuple(sorted(args, key=lambda arg: static[id(arg)]))
                self.ordered[id(node)] = args
                places = [region]
                for _ in args[1:]:
                    places.append(self._region(places[-1], places[-1].nest + 1))
                self.arms[id(node)] = tuple(places[1:])
            else:
                for arg in args:
                    self._use(arg, region, 2 if wide else 1)
                continue
            for arg, place in zip(args, places, strict=True):
                self._use(arg, place, 2 if wide else 1)
        for region in self._regions:
            region.nodes.reverse()
        self._settle_costs(order.nodes)

    def _settle_costs(self, order: Iterable[Term]) -> None:
        costs, kept, arms, args_of = self.costs, self.kept, self.arms, self.graph.arguments
        for node in order:
            key = id(node)
            cost = _COSTS.get(node.op, 1)
            for arg in args_of[key]:
                cost += 1 if id(arg) in kept else costs[id(arg)]
            for place in arms.get(key, ()):
                for inner in place.nodes:
                    cost += costs[id(inner)]
            costs[key] = cost if cost < MANY else MANY

    def cost(self, root: Term, region: Region) -> int:
        """What computing `root` in `region` costs, with the nodes that stand there."""
        own = 1 if id(root) in self.kept else self.costs[id(root)]
        return own + sum([self.costs[id(node)] for node in region.nodes])


@dataclass(frozen=True)
class _Order:
    """Every node below some roots once, each after its arguments; `costs` has what each node's tree costs, `deep` the
    nodes at which an expression becomes too deep."""

    nodes: list[Term]
    costs: dict[int, int]
    deep: set[int]


def _order(graph: Graph, roots: Iterable[Term]) -> _Order:
    args_of, nodes = graph.arguments, list[Term]()
    costs, depths, deep = dict[int, int](), dict[int, int](), set[int]()
    for root in roots:
        stack = [root]
        while stack:
            node = stack[-1]
            key = id(node)
            if key in costs:
                stack.pop()
                continue
            cost, depth, ready = _COSTS.get(node.op, 1), 0, True
            for arg in args_of[key]:
                known = costs.get(id(arg))
                if known is None:
                    stack.append(arg)
                    ready = False
                elif ready:
                    cost += known
                    depth = max(depth, depths[id(arg)])
            if not ready:
                continue
            stack.pop()
            nodes.append(node)
            costs[key] = min(cost, MANY)
            depths[key] = depth + 1
            if depth >= DEEPEST_EXPRESSION:
                deep.add(key)
                depths[key] = 0
    return _Order(nodes, costs, deep)
