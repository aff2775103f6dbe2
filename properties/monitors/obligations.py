"""The three properties of a monitor as obligations, one for each instruction and case.

Popek and Goldberg 1974, section 4 and Lemmas 1 to 3. A state of the system is f(S) for a state S of the virtual
machine, whatever the rest of the host holds. *Equivalence* is a square: what the host and the monitor make of f(S) is
f of what the guest's own machine makes of S. Three cases meet all instructions: *direct*, *emulated*, *reflected* (for
which the paper has no lemma). The square compares every component of the host, so it preserves the invariant too.
*Resource control*: whatever runs directly changes nothing that the monitor decides on and no cell outside the
region; the monitor's own writes stay in the region; a trap gives the monitor control. *Efficiency*: an instruction that
is innocuous and not privileged causes no step of the monitor unless the guest's own machine traps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from ringproof.model.cpu import Cause, Kind, Outcome, Trap
from ringproof.model.machine import Instruction, Machine, Role
from ringproof.model.monitors.construction import Construction
from ringproof.model.terms import (
    FALSE,
    TRUE,
    ArraySort,
    Term,
    all_of,
    any_of,
    select,
    shift,
    store,
    topological,
    var,
    variables,
)
from ringproof.model.terms.array import stores
from ringproof.traces.interpreter import UNDEFINED

from .alignment import aligned
from .steps import Total, compared, delivered, first, on_state, over_word, replaced, total, unlike

FETCH, LAW = "fetch", "map"
GRANTS = "what the allocator keeps"
EQUIVALENCE, CONTROL, EFFICIENCY, MAP = "equivalence", "resource-control", "efficiency", "map"
PROPERTIES = (EQUIVALENCE, CONTROL, EFFICIENCY, MAP)

LENT, WATCHED = "what the host lends", "a cell that the monitor watches"
OUTSIDE, NO_CONTROL = "a cell outside the region", "the monitor does not get control"
AT = "$at"
"""The variable of the cell at which memories are compared."""

Agree = Callable[[Sequence[Term], Collection[Term], Term, Term], bool]
"""Whether two conditions were proved to be the same under hypotheses (see `lemmas`)."""


@dataclass(frozen=True, eq=False)
class Claim:
    """One obligation: under `hypotheses`, `violation` never holds.

    `name` is `SYSTEM/property/subject/case`. `differences` are the parts of the violation by what differs, for the
    sentence about a counterexample.
    """

    name: str
    what: str
    subject: str
    instruction: str
    case: str
    hypotheses: tuple[Term, ...]
    differences: Mapping[str, Term]

    @property
    def violation(self) -> Term:
        return any_of(*self.differences.values())


def anything(trap: Trap) -> dict[str, Term]:
    """A variable for each detail of `trap`."""
    return {key: var(f"$detail.{key}", term.sort) for key, term in trap.details.items()}


class Subject(ABC):
    """What the claims are about: an instruction form, the fetch, or the words without a meaning.

    `row` is its name in the classification, `subject` its name in an obligation's. Where it is `counted`, the host's
    countdown takes it for an instruction.
    """

    row: str
    subject: str
    counted = False

    def __init__(self, construction: Construction, system: str, agree: Agree) -> None:
        self.construction, self.system, self.agree = construction, system, agree
        self.placement = construction.placement
        self.guest_state = self.placement.guest_state()
        self.memory = self.placement.own_variables()[self.placement.memory]
        self.view = self.placement.view(self.guest_state)
        self.host_state = self.placement.host_state(self.guest_state, self.memory)

    # The runs.

    @abstractmethod
    def outcome(self, machine: Machine) -> Outcome:
        """What the subject does on one of the system's machines, over its variables."""

    @property
    @abstractmethod
    def selected(self) -> tuple[Term, ...]:
        """What the instruction word has to be."""

    @cached_property
    def guest(self) -> Outcome:
        """The subject on the guest's own machine."""
        return on_state(self.construction.guest, self.outcome(self.construction.guest), self.guest_state)

    @cached_property
    def host(self) -> Outcome:
        """The same on the host, where the guest is placed, with the guest's own conditions where they agree."""
        machine, alone = self.construction.host, self.construction.guest
        found = self.outcome(machine)
        one = {alone.variables[name]: term for name, term in self.guest_state.items()}
        two = {machine.variables[name]: term for name, term in self.host_state.items()}
        hypotheses = (*self.placement.hypotheses(), self.directly)
        kept = variables([term for name, term in two.items() if term is not one.get(name)])
        return replaced(found, lambda roots: aligned(roots, one, two, partial(self.agree, hypotheses, kept)))

    @cached_property
    def guest_step(self) -> Total:
        return total(self.construction.guest, self.guest_state, self.guest)

    @cached_property
    def hypotheses(self) -> tuple[Term, ...]:
        return (*self.selected, *self.placement.hypotheses(), *self.cells)

    @cached_property
    def cells(self) -> list[Term]:
        """What holds of the monitor's own cells, at each address that the host reads."""
        roots = [*self.host.state.values()]
        for trap in self.host.traps:
            roots += [trap.guard, *trap.details.values()]
        read = [n.args[1] for n in topological(roots) if n.op == "select" and n.args[0] is self.memory]
        holds = [self.placement.cell(self.view, self.placement.own_view(), address) for address in read]
        return [term for term in holds if term is not TRUE]

    @cached_property
    def directly(self) -> Term:
        """The monitor lets it run."""
        return ~self.construction.interprets(self.view)

    # What the monitor makes of a trap.

    def emulated(self) -> Total:
        """The virtual machine after the monitor's routine, reflection of the routine's traps included."""
        machine = self.construction.simulated
        return total(machine, self.guest_state, on_state(machine, self.outcome(machine), self.guest_state))

    # The obligations.

    def claims(self, *, innocuous: bool) -> Iterator[Claim]:
        """Every obligation of the form; efficiency is asked where the classification found it `innocuous`."""
        yield self.direct()
        yield from self.trapped()
        yield self.control_direct()
        yield from self.control_lent()
        if innocuous:
            yield self.efficient()

    def direct(self) -> Claim:
        """Where the host completes, so does the guest's machine, and the host's state is f of the guest's."""
        hypotheses = (*self.hypotheses, self.directly, ~self.host.trapping(), ~self._guest_declines())
        return self._claim(EQUIVALENCE, "direct", hypotheses, self._square_direct())

    def _square_direct(self) -> dict[str, Term]:
        differences = {"the guest's machine traps": self.guest.trapping()}
        returned = self.placement.returned(self.view, self.placement.host.view(self.host.state))
        for name in self.placement.kept_of_guest:
            known = returned[name] if name in self.placement.lent else self.guest_state[name]
            differences[f"the virtual {name}"] = self._differ(name, known, self.guest.state[name])
        return differences | self.apart(self.host.state, self.guest.state)

    def trapped(self) -> Iterator[Claim]:
        """Where the host traps (or the monitor interprets), what the monitor makes of it is the guest's own step."""
        construction = self.construction
        emulates: list[Term] = [all_of(~self.directly)]
        if construction.interprets(self.view) is FALSE:
            emulates = []
        own_traps: dict[str, list[int]] = {}
        declined: dict[str, list[Term]] = {}
        for index, trap in enumerate(self.host.traps):
            taken = all_of(self.directly, first(self.host, index))
            if construction.serves(trap.cause, self.placement.own_view()) is not None:
                yield self._served(index, taken)
                continue
            if construction.delivers(trap.cause) and trap.cause.kind is not Kind.UNSUPPORTED:
                own_traps.setdefault(trap.cause.name, []).append(index)
                continue
            own = construction.emulates(self.view, trap.cause)
            if own is not FALSE:
                emulates.append(all_of(taken, own))
                yield from self._entering(index, all_of(taken, own))
            if trap.cause.kind is Kind.UNSUPPORTED:
                declined.setdefault(trap.cause.name, []).append(all_of(taken, ~own))
            elif own is not TRUE:
                yield from self._reflected(index, all_of(taken, ~own))
        yield from [self._delivered(name, indices) for name, indices in own_traps.items()]
        for name, cases in declined.items():
            goes_on = {"the guest's machine goes on": ~self._guest_declines()}
            yield self._claim(EQUIVALENCE, f"declined ({name})", (*self.hypotheses, any_of(*cases)), goes_on)
        if emulates and self.construction.reflect is None:
            yield from self._simulated(any_of(*emulates))
        elif emulates:
            hypotheses = (*self.hypotheses, any_of(*emulates), ~self.guest_step.declined, ~self._guest_declines())
            after = self.emulated()
            differences = {"the monitor declines": after.declined}
            yield self._claim(EQUIVALENCE, "emulated", hypotheses, differences | self.between(after.state))
            outside = self.escapes(after.state, self.guest_step.declined)
            yield self._claim(CONTROL, "emulated", hypotheses, outside)

    def _simulated(self, taken: Term) -> Iterator[Claim]:
        """The monitor's routine does what the instruction does; what it delivers is the guest's own delivery."""
        machine = self.construction.simulated
        after = on_state(machine, self.outcome(machine), self.guest_state)
        hypotheses = (*self.hypotheses, taken, ~self._guest_declines())
        differences = {"other traps": any_of(*unlike(after, self.guest))}
        for name, term in after.state.items():
            differences[name] = self._differ(name, term, self.guest.state[name]) & ~self.guest.trapping()
        yield self._claim(EQUIVALENCE, "emulated", hypotheses, differences)
        completes = (*hypotheses, ~after.trapping())
        yield self._claim(CONTROL, "emulated", completes, self.escapes(after.state, after.trapping()))

    def _served(self, index: int, taken: Term) -> Claim:
        """An event of the host's own gives the monitor control; the guest's step has not begun."""
        case = f"served ({self.host.traps[index].cause.name})"
        return self._claim(CONTROL, case, (*self.hypotheses, taken), self._entered(index))

    def _delivered(self, name: str, indices: Sequence[int]) -> Claim:
        """The host delivers the traps named `name` to the guest by itself (see `deliveries`): they are its own."""
        taken = {index: all_of(self.directly, first(self.host, index)) for index in indices}
        hypotheses = (*self.hypotheses, any_of(*taken.values()), ~self._guest_declines())
        missing = any_of(*[when & ~self._guest_traps(self.host.traps[index]) for index, when in taken.items()])
        differences = {f"the guest's machine does not trap for {name}": missing}
        return self._claim(EQUIVALENCE, f"delivered by the host ({name})", hypotheses, differences)

    def _reflected(self, index: int, taken: Term) -> Iterator[Claim]:
        trap = self.host.traps[index]
        case = f"reflected ({trap.cause.name})"
        if sum(t.cause.name == trap.cause.name for t in self.host.traps) > 1:
            case = f"reflected ({trap.cause.name}, {1 + sum(t.cause is trap.cause for t in self.host.traps[:index])})"
        declines = self._guest_declines()
        after = delivered(self.construction.simulated, self.guest_state, trap.cause, trap.details)
        hypotheses = (*self.hypotheses, taken, ~self.guest_step.declined, ~declines)
        own = delivered(self.construction.guest, self.guest_state, trap.cause, trap.details)
        differences = {
            f"the guest's machine does not trap for {trap.cause.name}": ~self._guest_traps(trap),
            "the monitor declines": after.declined & ~own.declined,
        }
        for name, term in after.state.items():
            differences[name] = self._differ(name, term, own.state[name])
        yield self._claim(EQUIVALENCE, case, hypotheses, differences)
        yield self._claim(
            CONTROL, case, hypotheses, self.escapes(after.state, self.guest_step.declined) | self._entered(index)
        )

    def control_direct(self) -> Claim:
        """What runs directly changes nothing that the monitor decides on, and no cell outside the region."""
        hypotheses = (*self.hypotheses, self.directly, ~self.host.trapping())
        machine = self.construction.host
        differences: dict[str, Term] = {}
        for name, component in machine.components.items():
            before, after = self.host_state[name], self.host.state[name]
            if name == self.placement.memory:
                differences[OUTSIDE] = self.outside(before, after, self.host.trapping())
                own = self.placement.own_view()
                watched = [guard & self.placement.watches(own, index) for index, _, guard in stores(after)[1]]
                differences[WATCHED] = any_of(*watched)
            elif name == self.construction.countdown:
                differences[name] = FALSE if self.counted else self._differ(name, before, after)
            elif component.role in (Role.MODE, Role.RESOURCE, Role.DEVICE) and name not in self.placement.lent:
                differences[name] = self._differ(name, before, after)
        differences[GRANTS] = any_of(*[~rule for rule in self._touched_grants()])
        return self._claim(CONTROL, "direct", hypotheses, differences)

    def _touched_grants(self) -> list[Term]:
        """The allocator's rules after the step, but for those that were proved to say what they said before it.

        Stores that stay in the region touch no rule that reads outside of it.
        """
        state, name, hypotheses = self.host.state, self.placement.memory, self.placement.hypotheses()
        memory, chain = stores(state[name])
        for index, value, guard in chain:
            leaves = guard & ~self.placement.region(self.view, index)
            if not self.agree(hypotheses, (), leaves, FALSE):
                memory = store(memory, index, value, guard)
        kept, left, untouched = (self._grants(each) for each in (self.host_state, state, {**state, name: memory}))
        touched: list[Term] = []
        for before, after, apart in zip(kept, left, untouched, strict=True):
            spared = before is after or (before is apart and self._reads_outside(before))
            if not spared and not self.agree(hypotheses, (), before, after):
                touched.append(after)
        return touched

    def _reads_outside(self, rule: Term) -> bool:
        """Every cell of the host that `rule` reads was proved to lie outside the region."""
        read = [node.args[1] for node in topological([rule]) if node.op == "select" and node.args[0] is self.memory]
        inside = [self.placement.region(self.view, index) for index in read]
        return all(self.agree(self.placement.hypotheses(), (), each, FALSE) for each in inside)

    def control_lent(self) -> Iterator[Claim]:
        """Where what runs directly changes what the host lends, that stays as the monitor bounds it."""
        if any(self.host.state[name] is not self.host_state[name] for name in self.placement.lent):
            hypotheses = (*self.hypotheses, self.directly, ~self.host.trapping())
            bounds = self.placement.bounds(self.construction.host.view(self.host.state))
            yield self._claim(CONTROL, "lent", hypotheses, {LENT: ~bounds})

    def _grants(self, host: Mapping[str, Term]) -> list[Term]:
        return self.placement.granted(self.view, self.construction.host.view(host))

    def efficient(self) -> Claim:
        """Where the guest's machine completes, so does the host, without the monitor."""
        hypotheses = (*self.hypotheses, self.construction.promises(self.view), ~self.guest.trapping())
        counted = [trap for trap in self.host.traps if trap.cause not in self.placement.tracing]
        traced = any_of(*[trap.guard for trap in self.host.traps if trap.cause in self.placement.tracing])
        differences: dict[str, Term] = {"the monitor interprets": ~self.directly}
        for trap in counted:
            name = f"{trap.cause.name} on the host"
            differences[name] = differences.get(name, FALSE) | trap.guard
        return self._claim(EFFICIENCY, "direct", (*hypotheses, ~traced), differences)

    # Comparing.

    def between(self, after: Mapping[str, Term]) -> dict[str, Term]:
        """Where the guest's state `after` is not what its own machine makes."""
        found: dict[str, Term] = {}
        for name, term in after.items():
            found[name] = self._differ(name, term, self.guest_step.state[name])
        return found

    def apart(self, host: Mapping[str, Term], guest: Mapping[str, Term]) -> dict[str, Term]:
        """Where the host's state is not f of the guest's state `guest`."""
        expected = self.placement.host_state(guest, self.placement.host_memory(guest))
        clocks = {n for n, c in self.placement.host.components.items() if c.role is Role.CLOCK}
        return {name: self._differ(name, term, expected[name]) for name, term in host.items() if name not in clocks}

    def escapes(self, after: Mapping[str, Term], excluded: Term) -> dict[str, Term]:
        """The monitor's own writes for the guest leave the region, where none of the cases `excluded` is met."""
        before = self.host_state[self.placement.memory]
        return {OUTSIDE: self.outside(before, self.placement.host_memory(after), excluded)}

    def outside(self, before: Term, after: Term, excluded: Term) -> Term:
        """A cell outside the region changes. Stores that were proved to stay inside are left out, one by one.

        It is asked at the places that were written: the address and the test of its place fold together there. Of
        the cases that the hypotheses exclude (a disjunction), a proof takes those that compare the store's address.
        """
        memory, chain = stores(after)
        hypotheses = self.placement.hypotheses()
        cases = [(case, compared(case)) for case in (excluded.args if excluded.op == "or" else (excluded,))]
        offset = self.placement.offset(self.view)
        left: list[tuple[Term, Term]] = []
        for index, value, guard in chain:
            leaves = guard & ~self.placement.region(self.view, index)
            own = index - offset
            checks = [~case for case, known in cases if own in known]
            if leaves is FALSE or self.agree(hypotheses, (), all_of(leaves, *checks), FALSE):
                continue
            memory = store(memory, index, value, guard)
            left.append((index, leaves))
        return any_of(*[leaves & (select(before, at) != select(memory, at)) for at, leaves in left])

    def _entering(self, index: int, taken: Term) -> Iterator[Claim]:
        """The trap whose instruction the monitor emulates gives it control.

        Where that is proved for every state and all details of the trap, it is claimed once, in `deliveries`.
        """
        trap = self.host.traps[index]
        if trap.cause.kind is Kind.UNSUPPORTED or (self.construction.reflect is None and self.regains(trap)):
            return
        number = 1 + sum(t.cause.name == trap.cause.name for t in self.host.traps[:index])
        hypotheses = (*self.hypotheses, taken, ~self._guest_declines())
        yield self._claim(CONTROL, f"entered ({trap.cause.name}, {number})", hypotheses, self._entered(index))

    def _entered(self, index: int) -> dict[str, Term]:
        trap = self.host.traps[index]
        return self.entered(trap.cause, trap.details)

    def regains(self, trap: Trap) -> bool:
        """Whether a trap of this kind was proved to give the monitor control in every state, whatever its details."""
        missed = any_of(*self.entered(trap.cause, anything(trap)).values())
        return self.agree(self.placement.hypotheses(), (), missed, FALSE)

    def entered(self, cause: Cause, details: Mapping[str, Term]) -> dict[str, Term]:
        """The host's own delivery of the trap does not give control to the monitor."""
        if self.placement.entered is None:
            return {}
        after = delivered(self.construction.host, self.host_state, cause, details)
        view = self.placement.host.view(after.state)
        entered = self.placement.entered(self.placement.own_view(), view)
        return {NO_CONTROL: ~entered & ~after.declined}

    def _guest_traps(self, trap: Trap) -> Term:
        """The guest's own machine takes a trap of the same cause with the same details."""
        found: list[Term] = []
        for index, own in enumerate(self.guest.traps):
            if own.cause == trap.cause and own.details.keys() == trap.details.keys():
                details = [own.details[key] == value for key, value in trap.details.items()]
                found.append(all_of(first(self.guest, index), *details))
        return any_of(*found)

    def _guest_declines(self) -> Term:
        return any_of(
            *[
                first(self.guest, index)
                for index, trap in enumerate(self.guest.traps)
                if trap.cause.kind is Kind.UNSUPPORTED
            ]
        )

    def _address(self) -> Term:
        sort = self.memory.sort
        assert isinstance(sort, ArraySort)
        return var(AT, sort.index)

    def _differ(self, name: str, one: Term, two: Term) -> Term:
        if isinstance(one.sort, ArraySort):
            at = self._address() if name == self.placement.memory else var(f"$at.{name}", one.sort.index)
            return select(one, at) != select(two, at)
        return one != two

    def _claim(self, what: str, case: str, hypotheses: Sequence[Term], differences: Mapping[str, Term]) -> Claim:
        name = f"{self.system}/{what}/{self.subject}/{case}"
        kept = {key: term for key, term in differences.items() if term is not FALSE}
        return Claim(name, what, self.subject, self.row, case, tuple(hypotheses), kept)


class Squares(Subject):
    """The claims about one instruction form."""

    def __init__(self, construction: Construction, instruction: Instruction, system: str, agree: Agree) -> None:
        super().__init__(construction, system, agree)
        self.instruction = instruction
        self.row, self.subject = instruction.name, instruction.id

    def outcome(self, machine: Machine) -> Outcome:
        return over_word(machine, next(i for i in machine.instructions if i.id == self.instruction.id))

    @property
    def selected(self) -> tuple[Term, ...]:
        return (self.instruction.encoding.matches,)


class Undefined(Subject):
    """The claims about words that the machine defines as undefined: they trap in both."""

    row = subject = UNDEFINED.name

    def outcome(self, machine: Machine) -> Outcome:
        return machine.run(lambda cpu: cpu.trap(UNDEFINED))

    @property
    def selected(self) -> tuple[Term, ...]:
        return (any_of(*[encoding.matches for encoding in self.construction.guest.undefined]),)

    def claims(self, *, innocuous: bool) -> Iterator[Claim]:
        if self.construction.guest.undefined:
            yield from super().claims(innocuous=innocuous)


class Maps(Subject):
    """The claims about the VM map itself: what was placed is read back, and the construction's own laws."""

    row = subject = LAW

    def outcome(self, machine: Machine) -> Outcome:
        return machine.run(lambda cpu: None)

    @property
    def selected(self) -> tuple[Term, ...]:
        return ()

    def claims(self, *, innocuous: bool) -> Iterator[Claim]:
        differences = {name: self._differ(name, one, two) for name, (one, two) in self.inverse().items()}
        hypotheses = self.placement.hypotheses()
        yield self._claim(MAP, "inverse", hypotheses, differences)
        stated = self.construction.nested or self.placement
        for law, equations in self.construction.laws.items():
            found = equations(stated.view(stated.guest_state()), stated.own_view())
            for name, (one, two) in found.items():
                yield self._claim(MAP, f"{law} ({name})", stated.hypotheses(), {name: self._differ(name, one, two)})

    def inverse(self) -> dict[str, tuple[Term, Term]]:
        """Each component of the guest that the host holds, as it was placed, and as it is read back."""
        found = {name: (self.host_state[name], self.guest_state[name]) for name in self.placement.carried}
        memory = self.placement.memory
        back = shift(self.host_state[memory], -self.placement.offset(self.view))
        return {**found, memory: (back, self.guest_state[memory])}
