"""Maps from names to resources, as the relocation of a third generation machine makes them: a start and a size.

The map (start, size) takes the name x below `size` to start + x, and faults on every other. Maps are stated twice: over
numbers, and as terms for the solver.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringproof.model.monitors.third_generation import clamped_bound
from ringproof.model.terms import Term


@dataclass(frozen=True)
class Map:
    """A map over numbers."""

    start: int
    size: int

    def __call__(self, name: int) -> int | None:
        """The resource of `name`, or None for a fault.

        >>> Map(3, 2)(1), Map(3, 2)(2)
        (4, None)
        """
        return self.start + name if name < self.size else None

    def after(self, inner: Map) -> Map:
        """The one map that takes a name through `inner` and then through this one.

        >>> Map(3, 4).after(Map(1, 9))
        Map(start=4, size=3)
        """
        return Map(self.start + inner.start, min(inner.size, max(0, self.size - inner.start)))


@dataclass(frozen=True, eq=False)
class Symbolic:
    """A map as terms: `start` is as wide as an address, `size` a bit wider."""

    start: Term
    size: Term

    def maps(self, name: Term) -> Term:
        """`name`, as wide as an address, is no fault."""
        return name.zext(self.size.width) < self.size

    def resource(self, name: Term) -> Term:
        """The resource of a name that is no fault."""
        return self.start + name

    def after(self, inner: Symbolic) -> Symbolic:
        """The one map that takes a name through `inner` and then through this one, by the monitor's own clamp."""
        return Symbolic(self.start + inner.start, clamped_bound(inner.start, inner.size, self.size))

    def fits(self, size: Term) -> Term:
        """Every resource lies below `size`, which is as wide as this map's; a map of nothing lies anywhere."""
        wide = self.size.width + 1
        return (self.size == 0) | (self.start.zext(wide) + self.size.zext(wide) <= size.zext(wide))
