"""A guest under a monitor on concrete states: the host runs, and the monitor acts at each trap.

The state of the system is the virtual machine's own state, as the monitor's map gives it, and the host's. They are
kept beside each other, so that a run shows what the host holds and what the guest believes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ringproof.model.monitors.construction import Construction
from ringproof.model.monitors.placement import kept_name, own_name
from ringproof.model.terms import ArraySort, var

from .interpreter import Interpreter, State, Step, Trapped
from .python_code import Cells, compile_terms


@dataclass(frozen=True)
class Together:
    """The virtual machine's state, the host's, and what the monitor keeps."""

    guest: State
    host: State
    kept: Mapping[str, Any]


@dataclass(frozen=True)
class Monitored:
    """One step of a system. `by` is one of "direct", "emulated", "reflected", "interpreted" and "served".

    `trapped` is the host's trap.
    """

    by: str
    step: Step
    trapped: Trapped | None


class System:
    """A construction that runs.

    >>> from ringproof.model.monitors.catalog import system
    >>> found = System(system("third-generation/trap-and-emulate"))
    >>> together = found.start({"start": 16, "entry": 2}, size=8, b=8)
    >>> together.host["l"], together.host["b"], together.host["M"]
    (16, 8, 1)
    """

    def __init__(self, construction: Construction) -> None:
        self.construction = construction
        placement = self.placement = construction.placement
        self.guest = Interpreter(construction.guest)
        self.host = Interpreter(construction.host)
        self.simulated = Interpreter(construction.simulated)
        guest = placement.guest_state()
        own = placement.own_variables()
        terms = placement.host_state(guest, own[placement.memory])
        self._scalars = [n for n, t in terms.items() if not isinstance(t.sort, ArraySort)]
        self._placed = compile_terms([terms[n] for n in self._scalars])
        self._arrays = [n for n, t in terms.items() if isinstance(t.sort, ArraySort) and t is guest.get(n)]
        view = placement.view(guest)
        self._offset = compile_terms([placement.offset(view)])
        self._hypotheses = compile_terms(placement.hypotheses())
        returned = placement.returned(view, placement.own_view())
        self._lent = sorted(placement.lent)
        self._returned = compile_terms([returned[name] for name in self._lent])
        self._bounds = compile_terms([placement.bounds(placement.own_view())])
        self._interprets = compile_terms([construction.interprets(view)])
        sort = own[placement.memory].sort
        assert isinstance(sort, ArraySort)
        self._modulus = 1 << sort.index.width

    def values(self, guest: State, own: State, kept: Mapping[str, Any]) -> dict[str, Any]:
        """What the terms of the placement read."""
        return {
            **guest,
            **{own_name(name): value for name, value in own.items()},
            **{kept_name(name): value for name, value in kept.items()},
        }

    def start(self, kept: Mapping[str, Any], **guest: Any) -> Together:
        """The guest with these components, placed on a host that is zero but for the machine's own start."""
        state = self.guest.initial(**guest)
        host = self.host.initial(**self.construction.host.start)
        return self.place(state, host, kept)

    def together(self, values: Mapping[str, Any]) -> Together:
        """The state in which the placement's variables have `values`; what has none is zero."""
        guest = self.guest.initial()
        guest.update({n: v for n, v in values.items() if n in guest})
        host = self.host.initial()
        host.update({n: values[own_name(n)] for n in host if own_name(n) in values})
        kept = {n: values.get(kept_name(n), 0) for n in self.placement.kept}
        offset = self._offset(self.values(guest, host, kept))[0]
        guest[self.placement.memory] = self._moved(host[self.placement.memory], -offset)
        return self.place(guest, host, kept)

    def permitted(self, together: Together) -> bool:
        """The allocator's rules and the guest's own hold."""
        return all(self._hypotheses(self._read(together)))

    def place(self, guest: State, own: State, kept: Mapping[str, Any]) -> Together:
        """f: the guest in a host whose other components are those of `own`."""
        memory = self.placement.memory
        offset = self._offset(self.values(guest, own, kept))[0]
        host = {name: value.copy() if isinstance(value, Cells) else value for name, value in own.items()}
        host[memory] = self._moved(guest[memory], offset)
        host[memory].update({a: v for a, v in own[memory].items() if a not in host[memory]})
        found = self._placed(self.values(guest, host, kept))
        host.update(zip(self._scalars, found, strict=True))
        host.update({name: guest[name].copy() for name in self._arrays})
        return Together(guest, host, kept)

    def view(self, together: Together) -> State:
        """g: the guest's state, of which the host has the program's components and the memory."""
        offset = self._offset(self._read(together))[0]
        state = dict(together.guest)
        state.update(copied({name: together.host[name] for name in self.placement.carried}))
        state[self.placement.memory] = self._moved(together.host[self.placement.memory], -offset)
        read = self._read(together)
        state.update(zip(self._lent, self._returned(read), strict=True))
        return state

    def _lent_back(self, together: Together) -> Together:
        """With the guest's part of what the host lends as it stands there."""
        if not self._lent:
            return together
        found = dict(zip(self._lent, self._returned(self._read(together)), strict=True))
        return Together({**together.guest, **found}, together.host, together.kept)

    def step(self, together: Together) -> tuple[Together, Monitored]:
        """The instruction at the guest's program counter, by the host or by the monitor."""
        interpreted = self.interprets(together)
        runner, state = (self.simulated, together.guest) if interpreted else (self.host, together.host)
        state = copied(state)
        word, trapped = runner.fetch(state)
        if word is not None and trapped is None:
            if not interpreted:
                together = self._lent_back(Together(together.guest, state, together.kept))
            return self.perform(together, word)
        step = Step(None, None, {}, trapped)
        if trapped is None or interpreted:
            return self._deliver(together, "interpreted", step)
        return self._react(together, step)

    def perform(self, together: Together, word: int) -> tuple[Together, Monitored]:
        """The instruction `word`, as if it had been fetched: run by the host, or by the monitor instead of it."""
        if self.interprets(together):
            return self._simulate(together, "interpreted", word, None)
        host = copied(together.host)
        step = self.host.perform(word, host)
        if step.trapped is not None:
            return self._react(together, step)
        after = Together(together.guest, host, together.kept)
        return Together(self.view(after), host, together.kept), Monitored("direct", step, None)

    def _react(self, together: Together, step: Step) -> tuple[Together, Monitored]:
        """What the monitor does at the host's trap of `step`."""
        assert step.trapped is not None
        served = self._served(together, step.trapped)
        if served is not None:
            host = {**copied(together.host), **served}
            return Together(together.guest, host, together.kept), Monitored("served", step, step.trapped)
        if self.construction.delivers(step.trapped.cause):
            host = copied(together.host)
            self.host.deliver(step.trapped, host)
            alone = copied(together.guest)
            self.guest.deliver(step.trapped, alone)
            after = Together(
                {**together.guest, **{n: alone[n] for n in self.placement.kept_of_guest}}, host, together.kept
            )
            return Together(self.view(after), host, together.kept), Monitored("direct", step, None)
        if self.emulates(together, step.trapped):
            if step.word is not None:
                return self._simulate(together, "emulated", step.word, step.trapped)
            guest = copied(together.guest)
            whole = self.simulated.step(guest)
            return self.place(guest, together.host, together.kept), Monitored("emulated", whole, step.trapped)
        return self._deliver(together, "reflected", step)

    def _deliver(self, together: Together, by: str, step: Step) -> tuple[Together, Monitored]:
        guest = copied(together.guest)
        assert step.trapped is not None
        self.simulated.deliver(step.trapped, guest)
        return self.place(guest, together.host, together.kept), Monitored(by, step, step.trapped)

    def _served(self, together: Together, trapped: Trapped) -> State | None:
        """The host's components after the monitor has seen to an event of the host's; None for another trap."""
        found = self.construction.serves(trapped.cause, self.placement.own_view())
        if found is None:
            return None
        values = {own_name(name): value for name, value in together.host.items()}
        return dict(zip(found, compile_terms(list(found.values()))(values), strict=True))

    def is_pending(self, together: Together) -> bool:
        """Something on the host is to give the monitor control before the guest's next instruction."""
        values = {own_name(name): value for name, value in together.host.items()}
        return any(compile_terms(list(self.construction.pending(self.placement.own_view()).values()))(values))

    def regains(self, together: Together) -> bool:
        """The host's fetch leads to the monitor, for a trap that is not the guest's own."""
        _, trapped = self.host.fetch(copied(together.host))
        if trapped is None:
            return False
        return self._served(together, trapped) is not None or self.emulates(together, trapped)

    def emulates(self, together: Together, trapped: Trapped) -> bool:
        view = self.placement.view(self.placement.guest_state())
        read = compile_terms([self.construction.emulates(view, trapped.cause)])
        return bool(read(self._read(together))[0])

    def in_bounds(self, together: Together) -> bool:
        """What the host lends to the guest is as the monitor bounds it."""
        return bool(self._bounds(self._read(together))[0])

    def in_region(self, together: Together, address: int) -> bool:
        """The host's cell at `address` is the guest's."""
        return bool(self._region({**self._read(together), "$at": address})[0])

    def is_watched(self, together: Together, address: int) -> bool:
        """The host's cell at `address` is one that the monitor watches."""
        return bool(self._watched({**self._read(together), "$at": address})[0])

    def enters(self, together: Together, trapped: Trapped) -> bool:
        """The host's own delivery of a trap gives control to the monitor."""
        if self.placement.entered is None:
            return True
        host = copied(together.host)
        if self.host.deliver(trapped, host) is not None:
            return False
        after = {f"after.{name}": value for name, value in host.items()}
        return bool(self._entered({**self._read(together), **after})[0])

    def keeps_grants(self, before: Together, after: Together) -> bool:
        """What the allocator keeps of the host still holds after a step that ran directly."""
        return all(self._granted({**self._read(before), **{own_name(n): v for n, v in after.host.items()}}))

    def promises(self, together: Together) -> bool:
        """An innocuous instruction is to run directly here."""
        return bool(self._promises(self._read(together))[0])

    @cached_property
    def _granted(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        view = self.placement.view(self.placement.guest_state())
        return compile_terms(self.placement.granted(view, self.placement.own_view()))

    @cached_property
    def _promises(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        return compile_terms([self.construction.promises(self.placement.view(self.placement.guest_state()))])

    def law_holds_for(self, together: Together) -> bool:
        """The rules of the map that the construction's laws are about hold."""
        stated = self.construction.nested or self.placement
        return all(compile_terms(stated.hypotheses())(self._read(together)))

    def broken_laws(self, together: Together) -> list[str]:
        """The construction's laws, with the terms that they say are equal and are not."""
        stated = self.construction.nested or self.placement
        view = stated.view(stated.guest_state())
        found: list[str] = []
        for law, equations in self.construction.laws.items():
            terms = equations(view, stated.own_view())
            read = compile_terms([one != two for one, two in terms.values()])(self._read(together))
            found += [f"{law}: {name}" for name, differs in zip(terms, read, strict=True) if differs]
        return found

    @cached_property
    def _watched(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        sort = self.placement.own_variables()[self.placement.memory].sort
        assert isinstance(sort, ArraySort)
        return compile_terms([self.placement.watches(self.placement.own_view(), var("$at", sort.index))])

    @cached_property
    def _region(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        sort = self.placement.own_variables()[self.placement.memory].sort
        assert isinstance(sort, ArraySort)
        view = self.placement.view(self.placement.guest_state())
        return compile_terms([self.placement.region(view, var("$at", sort.index))])

    @cached_property
    def _entered(self) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
        entered, machine = self.placement.entered, self.construction.host
        assert entered is not None
        after = {name: var(f"after.{name}", c.sort) for name, c in machine.components.items()}
        return compile_terms([entered(self.placement.own_view(), machine.view(after))])

    def _read(self, together: Together) -> dict[str, Any]:
        return self.values(together.guest, together.host, together.kept)

    def interprets(self, together: Together) -> bool:
        return bool(self._interprets(self._read(together))[0])

    def _simulate(self, together: Together, by: str, word: int, trapped: Trapped | None) -> tuple[Together, Monitored]:
        guest = copied(together.guest)
        step = self.simulated.perform(word, guest)
        if step.trapped is not None:
            self.simulated.deliver(step.trapped, guest)
        return self.place(guest, together.host, together.kept), Monitored(by, step, trapped)

    def _moved(self, cells: Cells, offset: int) -> Cells:
        return Cells({(a + offset) % self._modulus: v for a, v in cells.items()}, cells.default)


def copied(state: State) -> State:
    """A copy whose arrays are its own."""
    return {name: value.copy() if isinstance(value, Cells) else value for name, value in state.items()}
