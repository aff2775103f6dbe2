"""What was seen to follow what: places in the program under what was slow, and the ways on from there.

The flow is learnt while the kernel runs, a step at a time, and kept as long as the tier: regions are cut out of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ringproof.model.machine import Machine

from .specialize import Cell, Specialized, Specializer
from .variant import Variant, VariantMaker
from .view import View

MOST_VARIANTS = 4

Key = tuple[int, tuple[int, ...]]
"""A place: the program counter and the values of what is slow."""


@dataclass(eq=False)
class Node:
    """An instruction at a place; `found` is None where only the kernel can execute it."""

    key: Key
    found: Specialized | None
    variants: list[Variant] = field(default_factory=list)


class Flow:
    """All that was seen of a machine's programs."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.specializer = Specializer(machine)
        self.slow = self.specializer.slow
        self._maker = VariantMaker(self.specializer)
        self.nodes: dict[Key, Node] = {}
        self.learnt = 0
        """How many nodes and variants were added so far."""

    def key(self, view: View) -> Key:
        return view.scalar(self._machine.counter), tuple([view.scalar(name) for name in self.slow])

    def observe(self, view: View) -> Variant | None:
        """The way that the next step goes, learnt if it is new; None where it is left to the kernel."""
        key = self.key(view)
        node = self.nodes.get(key)
        if node is None or not _current(node, view):
            counter, slow = key
            found = self.specializer.at(counter, dict(zip(self.slow, slow, strict=True)), view)
            node = self.nodes[key] = Node(key, found)
            self.learnt += 1
        if node.found is None:
            return None
        for variant in node.variants:
            if variant.holds(view):
                return variant
        return self._learn(node, node.found, view)

    def _learn(self, node: Node, found: Specialized, view: View) -> Variant | None:
        slow = dict(zip(self.slow, node.key[1], strict=True))
        for variant in list(node.variants):
            # What was watched and has changed is watched no more.
            changed = [cell for cell, value in variant.cells.items() if view.cell(*cell) != value]
            if changed:
                self.distrust(changed)
        before = self.specializer.state(node.key[0], slow)
        follow = len(node.variants) < MOST_VARIANTS - 1
        made = self._maker.make(found.outcome, slow, before, view, follow=follow)
        if made is not None and len(node.variants) < MOST_VARIANTS:
            node.variants.append(made)
            self.learnt += 1
        return made

    def distrust(self, cells: list[Cell]) -> None:
        """Watches these cells no more, and forgets what rested on them."""
        self._maker.unstable.update(cells)
        for node in self.nodes.values():
            node.variants = [v for v in node.variants if v.cells.keys().isdisjoint(cells)]


def _current(node: Node, view: View) -> bool:
    return node.found is None or all(view.cell(*cell) == value for cell, value in node.found.cells.items())
