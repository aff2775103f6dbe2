"""The tier of regions above an engine: the same steps, faster where a program runs long.

>>> from ringproof.model.third_generation import third_generation
>>> from ringproof.traces.native.engine import Engine
>>> from ringproof.traces.python_code import Cells
>>> blocks = Blocks(Engine(third_generation()))
>>> blocks.load(blocks.engine.initial(b=64, E=Cells({0: 2 << 60 | 8 << 44 | 9 << 28, 1: 5 << 60, 8: 1})))
>>> blocks.step(1_000_000).steps, blocks.state()["E"][9]
(1000000, 500000)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ringproof.model.machine import Instruction
from ringproof.traces.interpreter import State

from ..engine import Engine, Reason, Run
from ..layout import NativeError
from ..runtime import Code
from .dispatch import HOT, INSIDE, MOST_REGIONS, PLACE, TAKEN, dispatcher, put_place
from .flow import Flow, Node
from .module import LinkedModule
from .region import RegionCode, UnstableError
from .shape import Shape
from .specialize import Cell
from .view import View

THRESHOLD = 4000
RECORDED = 400
QUIET = 120
"""Looking ends early after so many steps in which nothing new was seen."""

MOST_ATTEMPTS, PATIENCE = 8, 4
"""How often a region is made for a place before it is left to the kernel; each time it has to be reached this many
times as often."""

REMEMBERED = 2
"""Another state may be another program, so no more attempts than this are remembered then."""


class Blocks:
    """Steps of an engine's current state. `threshold` is how often a place is reached before a region is made for it,
    and `recorded` how many steps are looked at then.

    What is learnt stays; regions are right for any state, since they check what they were made for. There is room for
    a few thousand of them, and of those that start at one place the latest few are used.
    """

    def __init__(self, engine: Engine, *, threshold: int = THRESHOLD, recorded: int = RECORDED) -> None:
        self.engine = engine
        self._threshold, self._recorded = threshold, recorded
        kernel, machine = engine.kernel, engine.machine
        self._running = engine.running
        code = Code.compile(dispatcher(machine, kernel.layout, threshold))
        self._dispatcher = self._running.join(code, [(self._running, "memory"), (self._running, "run")])
        sorts = {name: component.sort for name, component in machine.components.items()}
        self._view = View(self._running, kernel.layout, kernel.world, sorts)
        self._flow = Flow(machine)
        self._places: dict[int, list[tuple[int, frozenset[int]]]] = {}
        self._attempts: dict[int, int] = {}
        self.regions = 0
        """How many regions there are."""
        self.inside = 0
        """How many steps were taken in regions so far."""
        self.forms: set[Instruction] = set()
        """The instruction forms that regions have."""
        self._until: int | None = None

    def load(self, state: Mapping[str, Any]) -> None:
        """Makes `state` the current one. Raises NativeError where it does not fit the machine or the limit."""
        self.engine.load(state)
        self._attempts = {place: min(attempts, REMEMBERED) for place, attempts in self._attempts.items()}
        for place in self._places:
            self._put(place)

    def state(self) -> State:
        """The current state; of arrays, the cells that differ from the default."""
        return self.engine.state()

    def step(self, count: int = 1, *, until: int | None = None) -> Run:
        """Takes at most `count` steps, and none once the program counter is `until`."""
        if not 0 <= count < 1 << 63:
            raise NativeError(f"a number of steps is from 0 to 2**63 - 1, not {count}")
        self._arm(until)
        total = 0
        run = self.engine.step(0, until=until)
        while run.reason is Reason.LIMIT and total < count:
            reason = self._dispatcher.call("enter", count - total, self.engine.kernel.world)
            total += self._word(TAKEN, 8)
            self.inside += self._word(INSIDE, 8)
            if reason == HOT:
                run = self._learn(self._word(PLACE, 8), count - total)
                total += run.steps
            elif total < count:
                # The kernel's reason for taking no step holds still, and it tells it in full.
                run = self.engine.step(count - total, until=until)
                total += run.steps
        return Run(total, run.reason, run.trapped, run.nested)

    def _word(self, address: int, size: int) -> int:
        return int.from_bytes(self._dispatcher.read(address, size), "little")

    # Making regions.

    def _learn(self, place: int, most: int) -> Run:
        """Takes some steps while looking at them, then makes a region for the place where they began."""
        view, flow, engine = self._view, self._flow, self.engine
        view.refresh()
        head = flow.key(view)
        run, total, last, known = Run(0, Reason.LIMIT), 0, 0, -1
        while total < min(self._recorded, most) and total - last < QUIET:
            variant = flow.observe(view)
            if flow.learnt != known:
                known, last = flow.learnt, total
            run = engine.step(1, until=self._until)
            total += run.steps
            if run.reason is not Reason.LIMIT:
                break
            view.refresh()
            if variant is not None:
                variant.seen.add(view.scalar(engine.machine.counter))
        self._attempts[place] = self._attempts.get(place, 0) + 1
        node = flow.nodes.get(head)
        if node is not None and self.regions + 1 < MOST_REGIONS:
            self._make(node)
        self._put(place)
        return Run(total, run.reason, run.trapped, run.nested)

    def _make(self, head: Node) -> None:
        """Makes a region that starts at `head`, where its code is as it was seen."""
        while True:
            usable = self._fresh()
            if not usable(head):
                return
            shape, module = Shape(head, self._flow.nodes, usable, self._until), LinkedModule()
            module.import_memory()
            module.import_table()
            try:
                function = RegionCode(
                    self.engine.machine, self._flow.slow, self.engine.kernel.layout, module, shape
                ).function()
            except UnstableError as unstable:
                self._flow.distrust(unstable.cells)
                continue
            break
        self.regions += 1
        made = [node.found.instruction for node in shape.nodes.values() if node.found is not None]
        self.forms.update(instruction for instruction in made if instruction is not None)
        module.element(self.regions, module.define(function))
        self._running.join(Code.compile(module.linked()), [(self._running, "memory"), (self._dispatcher, "table")])
        counters = frozenset([key[0] for key in shape.nodes])
        self._places.setdefault(head.key[0], []).append((self.regions, counters))

    def _fresh(self) -> Callable[[Node], bool]:
        """Says of a node whether the cells that it was made from are as they were; drops variants that are not."""
        view, known = self._view, dict[Cell, int]()

        def same(cells: Mapping[Cell, int]) -> bool:
            for cell, value in cells.items():
                if cell not in known:
                    known[cell] = view.cell(*cell)
                if known[cell] != value:
                    return False
            return True

        def usable(node: Node) -> bool:
            if node.found is None or not same(node.found.cells):
                return False
            node.variants = [variant for variant in node.variants if same(variant.cells)]
            return bool(node.variants)

        return usable

    # The table of places.

    def _arm(self, until: int | None) -> None:
        """Only regions without the place to stop may run."""
        if until == self._until:
            return
        self._until = until
        for place in self._places:
            self._put(place)

    def _put(self, place: int) -> None:
        """Writes a place's entry, and from where its reaching is counted."""
        regions = [number for number, counters in self._places.get(place, []) if self._until not in counters]
        attempts = self._attempts.get(place, 0)
        # Counting wraps around: from below zero it takes longer to the threshold, from above it practically for ever.
        hits = self._threshold * (1 - PATIENCE**attempts) if attempts < MOST_ATTEMPTS else self._threshold + 1
        put_place(self._dispatcher, place, hits % (1 << 32), regions[::-1])
