"""Plain enumeration: an instruction's flags from `properties.definitions`, over all states of a tiny machine.

States are taken in classes. Those of a class agree in the program's view (the counter and the memory as seen
from the relocation) and differ in everything else: mode, relocation, bound, and what other resources there
are. Every pair that the definitions speak of lies in one class. A class begins with no cell known; when a run
reads or writes a cell that is not known, the class is divided by all values of that cell. So cells that no run
touches stay open: no result depends on them, and they are the same before and after. That is all of them.

The definitions are asked once for all runs that they cannot tell apart (see `_Flags`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations, product
from typing import Any

from ringproof.model.machine import Instruction, Machine, Role
from ringproof.model.terms import ArraySort, BitVec, BoolSort, variables
from ringproof.model.terms import var as variable
from ringproof.properties import definitions
from ringproof.properties.definitions import Semantics
from ringproof.traces.interpreter import Fields, State, Trapped
from ringproof.traces.python_code import Cells


class UnknownCellError(Exception):
    """A run touched the cell `index`, whose value the class leaves open."""

    def __init__(self, index: int) -> None:
        self.index = index


class Partial(Cells):
    """Cells of which only those that are held are known."""

    __slots__ = ()

    def copy(self) -> Partial:
        return Partial(self)

    def __missing__(self, index: int) -> int:
        raise UnknownCellError(index)

    def __setitem__(self, index: int, value: int) -> None:
        if index not in self:
            raise UnknownCellError(index)
        super().__setitem__(index, value)


class Enumeration:
    """The flags of one instruction of a variant of the third generation machine."""

    def __init__(self, machine: Machine, instruction: Instruction) -> None:
        self.machine, self.instruction = machine, instruction
        self.semantics = Semantics(machine)
        sort = machine.components["E"].sort
        assert isinstance(sort, ArraySort)
        self.size, self.cell_values = 1 << sort.index.width, range(1 << sort.value.width)
        roles = {c.name: c.role for c in machine.components.values() if c.name != "E"}
        self.own = [name for name, role in roles.items() if role is Role.PROGRAM]
        self.apart = [name for name in roles if name not in self.own]
        self.worlds = list(self._assignments({name: self.machine.variables[name] for name in self.apart}))
        self.states = 0

    def flags(self) -> tuple[dict[str, bool], tuple[str, ...]]:
        """The flags that the classification has, and the resources that leak."""
        found = _Flags(self)
        for fields in self._assignments(self.instruction.encoding.fields):
            for own in self._assignments({name: self.machine.variables[name] for name in self.own}):
                self._divide(found, fields, own, {})
        return found.result()

    def _assignments(self, terms: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Every assignment of values to the names, by the sorts of their terms."""
        values = [(False, True) if isinstance(t.sort, BoolSort) else range(1 << t.width) for t in terms.values()]
        for chosen in product(*values):
            yield dict(zip(terms, chosen, strict=True))

    def _divide(self, found: _Flags, fields: Fields, own: State, window: dict[int, int]) -> None:
        """Runs a class, `window` being its memory from the relocation up; divides it where a cell is touched."""
        members = []
        for apart in self.worlds:
            state = {**own, **apart, "E": Partial({(apart["l"] + i) % self.size: v for i, v in window.items()})}
            try:
                after = self.semantics.after(self.instruction, fields, state)
            except UnknownCellError as unknown:
                place = (unknown.index - apart["l"]) % self.size
                for value in self.cell_values:
                    self._divide(found, fields, own, {**window, place: value})
                return
            members.append((state, after.trapped, after.state))
        self.states += len(members)
        found.add(fields, members)

    def seen_from(self, relocation: int, memory: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
        return tuple(sorted([((index - relocation) % self.size, value) for index, value in memory.items()]))


Member = tuple[State, Trapped | None, State]


class _Flags:
    """What the definitions said so far. Each is asked once for a signature, which holds all that it can depend on:

    - privilege: the two traps' kinds;
    - control: everything but the memory before and after, and which cells changed (whether a changed cell is
      reserved depends on no cell: `test_enumeration` asserts it of the machine's terms);
    - behavior: the same of both states, and where the two memories differ as seen from the relocations.
    """

    def __init__(self, enumeration: Enumeration) -> None:
        self.of = enumeration
        self.known: dict[object, Any] = {}
        self.pairs: set[bool | None] = set()
        self.true: set[str] = set()
        worlds = enumeration.worlds
        differing = [[[n for n in one if one[n] != two[n]] for two in worlds] for one in worlds]
        self.two = [(i, j, differing[i][j]) for i, j in permutations(range(len(worlds)), 2)]
        self.levels = [(i, j) for i, j, names in self.two if names == ["M"] and worlds[i]["M"] == 0]

    def add(self, fields: Fields, members: list[Member]) -> None:
        for i, j in self.levels:
            self._privilege(fields, members[i], members[j])
        complete = {i: self._signature(member) for i, member in enumerate(members) if member[1] is None}
        for i, signature in complete.items():
            if self._ask(("control", signature), fields, members[i]):
                self.true |= {"control"} | ({"user"} if members[i][0]["M"] else set())
        seen = {i: self.of.seen_from(members[i][0]["l"], members[i][2]["E"]) for i in complete}
        views = {i: (*[members[i][2][name] for name in self.of.own], cells) for i, cells in seen.items()}
        if len(set(views.values())) < 2:
            return
        for i, j, names in self.two:
            if i in complete and j in complete and views[i] != views[j]:
                places = tuple([a[0] for a, b in zip(seen[i], seen[j], strict=True) if a != b])
                if self._ask(("behavior", complete[i], complete[j], places), fields, members[i], members[j]):
                    self._differs(names, members[i], members[j])

    def _signature(self, member: Member) -> object:
        before, _, after = member
        changed = tuple(sorted([a for a, v in after["E"].items() if before["E"][a] != v]))
        names = self.of.apart + self.of.own
        return tuple([before[name] for name in names]), tuple([after[name] for name in names]), changed

    def _ask(self, signature: tuple[object, ...], fields: Fields, *members: Member) -> Any:
        if signature not in self.known:
            semantics, instruction = self.of.semantics, self.of.instruction
            states = [{**before, "E": Cells(before["E"])} for before, _, _ in members]
            if len(states) == 1:
                self.known[signature] = definitions.control_sensitive(semantics, instruction, fields, states[0])
            elif signature[0] == "privilege":
                pair = (states[0], states[1])
                self.known[signature] = definitions.breaks_privilege(semantics, instruction, fields, pair)
            else:
                amount = (states[1]["l"] - states[0]["l"]) % self.of.size
                pair = (states[0], states[1])
                self.known[signature] = definitions.behavior_sensitive(semantics, instruction, fields, pair, amount)
        return self.known[signature]

    def _privilege(self, fields: Fields, first: Member, second: Member) -> None:
        kinds = [None if trapped is None else trapped.cause for _, trapped, _ in (first, second)]
        self.pairs.add(self._ask(("privilege", *kinds), fields, first, second))

    def _differs(self, names: list[str], first: Member, second: Member) -> None:
        self.true.add("behavior")
        if len(names) == 1:
            self.true.add({"M": "mode", "l": "location"}.get(names[0], f"resource:{names[0]}"))
        if first[0]["M"] == second[0]["M"] == 1:
            self.true.add("user")

    def result(self) -> tuple[dict[str, bool], tuple[str, ...]]:
        sensitive = ("control", "behavior", "mode", "location", "user")
        flags = {f"{name}_sensitive": name in self.true for name in sensitive}
        flags |= {"privileged": False in self.pairs and True not in self.pairs, "timing_sensitive": False}
        return flags, tuple(sorted(n.removeprefix("resource:") for n in self.true if n.startswith("resource:")))


def reserved_depends_on(machine: Machine) -> set[str]:
    """The components that decide whether a cell is reserved."""
    assert machine.reserved is not None
    address = variable("$at", BitVec(machine.components["P"].variable.width))
    term = machine.reserved(machine.view(machine.variables), address)
    return {v.name for v in variables([term]) if v is not address}
