"""Outcomes as functions: the traps in order of priority, then the next state, guarded writes being branches again.

A meaning's guarded writes reach us as choices between a new value and the old one. Choices with one condition become
one branch, in which only what it needs is computed. Values are written as soon as they are known; where a later one
would have read what is overwritten, that is found while the code is written, and the code is written again with the
reading done first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

from ringproof.model.cpu import Cause, Outcome, Trap
from ringproof.model.terms import FALSE, TRUE, ArraySort, Term, concat
from ringproof.traces.python_code import guarded_writes

from .emit import Emitter, Support, kind, write_slot
from .graph import Graph, Plan, Region, distance
from .layout import NativeError, Slot, limbs_of
from .picks import IndexedWrite, peel
from .wasm import I32, I64, Function, Op

Signature = tuple[Cause, tuple[tuple[str, int], ...]]
Write = tuple[Term, Term, Term, int]
"""Index, value, guard, and how many byte cells the value covers (0: it is one cell)."""

Leave = Callable[[Function], None]
"""Writes how code is left, with a trap's number on the stack."""

DETAIL_BYTES = 16
DEEPEST_BRANCH = 30


@dataclass
class TrapTable:
    """The traps of a machine by number, from 1 on: the cause, and the details' names and widths."""

    details: int
    numbers: dict[Signature, int] = field(default_factory=dict)

    def number(self, cause: Cause, details: Mapping[str, Term]) -> int:
        for name, term in details.items():
            if term.width > 8 * DETAIL_BYTES:
                raise NativeError(f"the detail {name} of {cause.name} has {term.width} bits, more than 128")
        signature = (cause, tuple((name, term.width) for name, term in details.items()))
        return self.numbers.setdefault(signature, len(self.numbers) + 1)

    def slot(self, position: int) -> Slot:
        """Where a trap's detail is left."""
        return Slot(self.details + DETAIL_BYTES * position)


@dataclass
class _Branch:
    """Assignments in a region: plain ones, then those to a component by number, then those under a condition."""

    region: Region
    plain: list[tuple[str, Term]]
    indexed: list[tuple[Region, IndexedWrite]]
    choices: list[tuple[Term, _Branch, _Branch]]

    @property
    def empty(self) -> bool:
        return not (self.plain or self.indexed or self.choices)


def leave_function(f: Function) -> None:
    """Returns what is on the stack."""
    f.op(Op.RETURN)


class OutcomeCode:
    """Writes an outcome into functions of an entry's address and a world's, which return a trap's number or 0."""

    def __init__(
        self, variables: Mapping[str, Term], slots: Mapping[str, Slot], support: Support, traps: TrapTable
    ) -> None:
        self._variables = variables
        self._slots = slots
        self._support = support
        self._traps = traps
        self._graph = Graph(slots=slots)

    def leaving_details_at(self, address: int) -> OutcomeCode:
        """The same, but the details of traps are left at `address`."""
        other = copy(self)
        other._traps = replace(self._traps, details=address)
        return other

    def function(
        self,
        name: str,
        outcome: Outcome,
        slots: Mapping[str, Slot] | None = None,
        results: Sequence[Term] = (),
        start: Callable[[], Function] | None = None,
        leave: Leave = leave_function,
        facts: Mapping[Term, bool] | None = None,
    ) -> tuple[Function, tuple[int, ...]]:
        """The function of `outcome`, without its last instruction: the caller pushes what it returns.

        `slots` has the variables besides the components; `results` are terms of at most 64 bits over the state
        before, whose local variables are returned; `start` makes a function that already has what
        goes before, `leave` leaves with a trap's number on the stack, `facts` are conditions whose truth is known.
        """
        early: dict[int, Term] = {}
        while True:
            f = Function(name, (I32, I32), (I32,)) if start is None else start()
            emitter, found = self._attempt(f, outcome, {**self._slots, **(slots or {})}, results, early, leave, facts)
            fresh = {key: term for key, term in emitter.hazards.items() if key not in early}
            if not emitter.hazards:
                return f, found
            assert fresh, f"{name} reads what it has overwritten"
            early.update(fresh)

    def _attempt(
        self,
        f: Function,
        outcome: Outcome,
        slots: Mapping[str, Slot],
        results: Sequence[Term],
        early: dict[int, Term],
        leave: Leave,
        facts: Mapping[Term, bool] | None,
    ) -> tuple[Emitter, tuple[int, ...]]:
        plan = Plan(Graph(facts, self._slots, self._graph) if facts else self._graph)
        region = plan.root
        steps: list[tuple[Trap, Term, Region, Region]] = []
        for trap in outcome.traps:
            guard = plan.graph.resolve(trap.guard)
            if guard is FALSE:
                continue
            taken = plan.statement(region)
            plan.use(guard, region)
            for detail in trap.details.values():
                plan.use(detail, taken)
            steps.append((trap, guard, region, taken))
            region = plan.statement(region)
        for term in (*early.values(), *results):
            plan.use(term, region, 2)
        tree, writes = self._plan_state(plan, region, outcome)
        plan.settle()

        e = Emitter(f, plan, slots, self._support)
        for trap, guard, place, taken in steps:
            e.open(place)
            if guard is not TRUE:
                e.value(guard)
                f.if_()
            e.open(taken)
            for position, detail in enumerate(trap.details.values()):
                write_slot(e, detail, self._traps.slot(position))
            f.const(I32, self._traps.number(trap.cause, trap.details))
            leave(f)
            if guard is not TRUE:
                f.end()
        e.open(region)
        found: list[int] = []
        for term in results:
            number = f.local(kind(plan.graph.resolve(term)))
            e.value(term)
            f.set(number)
            found.append(number)
        self._emit_tree(e, tree)
        for name, place, group in writes:
            self._emit_writes(e, name, place, group)
        return e, tuple(found)

    # Scalars.

    def _plan_state(
        self, plan: Plan, region: Region, outcome: Outcome
    ) -> tuple[_Branch, list[tuple[str, Region, list[Write]]]]:
        scalars: list[tuple[str, Term]] = []
        writes: list[tuple[str, Region, list[Write]]] = []
        for name, term in outcome.state.items():
            if term is self._variables[name]:
                continue
            if isinstance(term.sort, ArraySort):
                writes += self._plan_writes(plan, region, name, term)
            else:
                scalars.append((name, term))
        return self._split(plan, region, scalars, 0), writes

    def _split(self, plan: Plan, region: Region, items: list[tuple[str, Term]], depth: int) -> _Branch:
        """Sorts assignments by the conditions under which they change something."""
        items, indexed = peel(items, self._variables, self._slots)
        writes = []
        for write in indexed:
            place, guard = region, plan.graph.resolve(write.guard)
            if guard is FALSE:
                continue
            if guard is not TRUE:
                plan.use(guard, region)
                place = plan.statement(region)
            plan.use(write.value, place)
            plan.use(write.number, place)
            writes.append((place, IndexedWrite(write.place, write.value, guard)))
        plain: list[tuple[str, Term]] = []
        groups: dict[int, tuple[Term, list[tuple[str, Term]], list[tuple[str, Term]]]] = {}
        for name, choice in items:
            old = self._variables[name]
            term = _known(plan.graph, choice)
            if term is old:
                continue
            if depth < DEEPEST_BRANCH and _keeps(term, old):
                condition, then, other = term.args
                _, thens, others = groups.setdefault(id(condition), (condition, [], []))
                thens.append((name, then))
                others.append((name, other))
            else:
                plain.append((name, plan.use(term, region)))
        choices = []
        for condition, thens, others in groups.values():
            plan.use(condition, region)
            choices.append(
                (
                    condition,
                    self._split(plan, plan.statement(region), thens, depth + 1),
                    self._split(plan, plan.statement(region), others, depth + 1),
                )
            )
        return _Branch(region, plain, writes, choices)

    def _emit_tree(self, e: Emitter, tree: _Branch) -> None:
        """Writes the assignments of a region whose kept nodes are computed."""
        f = e.f
        for name, term in tree.plain:
            write_slot(e, term, self._slots[name])
            e.dirty.add(name)
        for region, write in tree.indexed:
            if write.guard is not TRUE:
                e.value(write.guard)
                f.if_()
                e.open(region)
            e.place_address(write.number, write.place)
            e.value(write.value)
            f.store(write.kind, write.place.size, write.place.offset)
            e.dirty |= write.place.names
            if write.guard is not TRUE:
                f.end()
        for condition, then, other in tree.choices:
            e.value(condition)
            if then.empty:
                f.op(Op.I32_EQZ)
                then, other = other, then
            f.if_()
            e.open(then.region)
            self._emit_tree(e, then)
            if not other.empty:
                f.else_()
                e.open(other.region)
                self._emit_tree(e, other)
            f.end()

    # Arrays.

    def _plan_writes(self, plan: Plan, region: Region, name: str, term: Term) -> list[tuple[str, Region, list[Write]]]:
        """The writes in order, neighbouring bytes as one, those with one guard together."""
        groups: list[tuple[str, Region, list[Write]]] = []
        known = [(index, value, plan.graph.resolve(guard)) for index, value, guard in guarded_writes(term)]
        for index, value, guard, count in joined([write for write in known if write[2] is not FALSE]):
            if not groups or groups[-1][2][-1][2] is not guard:
                place = region if guard is TRUE else plan.statement(region)
                if guard is not TRUE:
                    plan.use(guard, region)
                groups.append((name, place, []))
            place = groups[-1][1]
            plan.use(index, place)
            plan.use(value, place)
            groups[-1][2].append((index, value, guard, count))
        return groups

    def _emit_writes(self, e: Emitter, name: str, place: Region, group: list[Write]) -> None:
        f, guard = e.f, group[0][2]
        if guard is not TRUE:
            e.value(guard)
            f.if_()
            e.open(place)
        for index, value, _, count in group:
            where, entry = f.local(I32), f.local(I32)
            e.value(index)
            f.set(where)
            if value.width > 64:
                limbs = [f.local(I64) for _ in range(limbs_of(value.width))]
                for number, limb in enumerate(limbs):
                    e.limb(value, number)
                    f.set(limb)
                e.memory.write_limbs(f, name, where, limbs, entry)
            else:
                new = f.local(kind(value))
                e.value(value)
                f.set(new)
                if count:
                    e.memory.write_run(f, name, count, where, new, entry)
                else:
                    e.memory.write(f, name, where, new, entry)
            e.dirty.add(name)
        if guard is not TRUE:
            f.end()


def _known(graph: Graph, term: Term) -> Term:
    """The arm that a choice takes by what is known."""
    while term.op == "ite" and (condition := graph.resolve(term.args[0])).op == "const":
        term = term.args[1] if condition is TRUE else term.args[2]
    return term


def _keeps(term: Term, old: Term) -> bool:
    """Whether `term` is a choice of which some arm is the old value."""
    if term.op != "ite":
        return False
    stack, seen = [term], 0
    while stack and seen < 64:
        node = stack.pop()
        seen += 1
        for arm in node.args[1:]:
            if arm is old:
                return True
            if arm.op == "ite":
                stack.append(arm)
    return False


def joined(writes: list[tuple[Term, Term, Term]]) -> list[Write]:
    """Writes of 8, 4 or 2 neighbouring bytes, upwards and under one guard, as one."""
    joined: list[Write] = []
    position = 0
    while position < len(writes):
        index, value, guard = writes[position]
        count = 1
        while value.width == 8 and index.width >= 16 and count < 8 and position + count < len(writes):
            above, other, condition = writes[position + count]
            if condition is not guard or other.width != 8 or distance(index, above) != count:
                break
            count += 1
        count = 8 if count == 8 else 4 if count >= 4 else 2 if count >= 2 else 1
        if count > 1:
            value = concat(*[writes[position + n][1] for n in reversed(range(count))])
        joined.append((index, value, guard, count if count > 1 else 0))
        position += count
    return joined
