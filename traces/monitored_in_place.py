"""A guest under a monitor at the price that a monitor pays: one memory, and a world switch only at a trap.

`monitored.System` keeps the guest's state and the host's beside each other and copies both at every step, so that a
step can be looked at. Here an instruction that the host completes is one step of the host, and the monitor's copy of
the guest is brought up to date when the monitor has control. The steps are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ringproof.model.cpu import Cause
from ringproof.model.monitors.placement import kept_name, own_name
from ringproof.model.terms import ArraySort, Term, variables

from .interpreter import State, Step
from .monitored import System, Together
from .python_code import Cells, compile_terms


class Moved:
    """A guest's memory in the host's: cell i is the host's cell i + offset."""

    def __init__(self, cells: Cells, offset: int, size: int) -> None:
        self._cells, self._offset, self._size = cells, offset, size

    def __getitem__(self, index: int) -> int:
        return self._cells[(index + self._offset) % self._size]

    def __setitem__(self, index: int, value: int) -> None:
        self._cells[(index + self._offset) % self._size] = value


class _Reading:
    """Terms by name; calling it with the values of variables gives those of the terms."""

    def __init__(self, terms: Mapping[str, Term]) -> None:
        self._names = list(terms)
        constant = all(term.is_constant for term in terms.values())
        self._read = compile_terms(list(terms.values()))
        self._known = dict(zip(self._names, self._read({}), strict=True)) if constant else None

    def __call__(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._known if self._known is not None else dict(zip(self._names, self._read(values), strict=True))


class Running:
    """A guest that runs under a monitor, from a state of the system.

    >>> from ringproof.model.monitors.catalog import system
    >>> found = System(system("third-generation/trap-and-emulate"))
    >>> running = Running(found, found.start({"start": 16, "entry": 2}, size=8, b=8))
    >>> running.step()
    'direct'
    >>> running.host["E"][16], running.host["P"]
    (0, 1)
    """

    def __init__(self, system: System, together: Together) -> None:
        self.system = system
        placement = system.placement
        view, own = placement.view(placement.guest_state()), placement.own_view()
        memory = placement.memory
        self.host: State = {n: v.copy() if isinstance(v, Cells) else v for n, v in together.host.items()}
        self.guest: State = {**together.guest, **{name: self.host[name] for name in placement.carried}}
        self._kept = {kept_name(name): value for name, value in together.kept.items()}
        placed = placement.host_state(placement.guest_state(), placement.own_variables()[memory])
        placed = {n: term for n, term in placed.items() if not isinstance(term.sort, ArraySort)}
        self._placed = _Reading(placed)
        self._returned = _Reading(placement.returned(view, own))
        interprets = system.construction.interprets(view)
        self._interprets = _Reading({"it": interprets})
        # Where only the monitor changes what this depends on, the monitor alone has to ask.
        directly_changed = {*placement.carried, *placement.lent, memory}
        self._ask_always = any(variable.name in directly_changed for variable in variables([interprets]))
        self._emulates: dict[Cause, _Reading] = {}
        size = 1 << self.system.guest.machine.components[memory].sort.index.width  # type: ignore[union-attr]
        offset = _Reading({"it": placement.offset(view)})(self._read())["it"]
        self.guest[memory] = Moved(self.host[memory], offset, size)
        self._scalars = [name for name in placement.carried if not isinstance(self.host[name], Cells)]
        self._interpreting = self._is_interpreted()

    def step(self) -> str:
        """Takes one step of the guest, and says by whom, as `Monitored.by` does."""
        if self._ask_always:
            self._enter()
            self._interpreting = self._is_interpreted()
        if self._interpreting:
            self._enter()
            self.system.simulated.step(self.guest)
            self._leave()
            return "interpreted"
        step = self.system.host.attempt(self.host)
        return "direct" if step.trapped is None else self._react(step)

    def _react(self, step: Step) -> str:
        trapped, word = step.trapped, step.word
        assert trapped is not None
        self._enter()
        simulated = self.system.simulated
        if word is not None and self._emulate(trapped.cause):
            by = "emulated"
            own = simulated.perform(word, self.guest).trapped
        else:
            by, own = "reflected", trapped
        if own is not None:
            simulated.deliver(own, self.guest)
        self._leave()
        return by

    def _emulate(self, cause: Cause) -> bool:
        read = self._emulates.get(cause)
        if read is None:
            placement = self.system.placement
            verdict = self.system.construction.emulates(placement.view(placement.guest_state()), cause)
            read = self._emulates[cause] = _Reading({"it": verdict})
        return bool(read(self._read())["it"])

    def _is_interpreted(self) -> bool:
        return bool(self._interprets(self._read())["it"])

    def _enter(self) -> None:
        """g: what the host holds for the guest."""
        for name in self._scalars:
            self.guest[name] = self.host[name]
        self.guest.update(self._returned(self._read()))

    def _leave(self) -> None:
        """f: what the host has to hold for the guest, and whether the guest runs directly next."""
        self.host.update(self._placed(self._read()))
        self._interpreting = self._is_interpreted()

    def _read(self) -> dict[str, Any]:
        own = {own_name(name): value for name, value in self.host.items()}
        return {**self.guest, **own, **self._kept}
