"""Theorem 2: a monitor under a monitor. The maps compose, Goldberg's f after f, and the composition is a map again.

Popek and Goldberg 1974, Theorem 2; Goldberg 1973 for the composition. The outer monitor runs a virtual machine in which
the inner monitor runs the guest. While the guest runs, the machine between is in its guests' mode, so the outer monitor
reflects every trap into it, where the inner monitor takes it up. What the inner monitor itself executes is a program
like any other, of which the outer monitor's theorem speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ..cpu import View
from ..terms import FALSE, TRUE, ArraySort, Term, ite, shift, var
from .construction import Construction
from .placement import Placement

OUTER, BETWEEN = "outer_", "level1_"


@dataclass(frozen=True, eq=False)
class Levels:
    """The machine between, in which `inner` places the guest and which `outer` places in the host."""

    outer: Placement
    inner: Placement

    @cached_property
    def own(self) -> list[str]:
        """The components of the machine between that neither monitor decides on and no guest carries.

        Its devices' arrays are left out: no rule of an allocator reads them.
        """
        inner = self.inner
        decided = inner.decided(inner.view(inner.guest_state()), inner.own_view())
        others = {name: c for name, c in inner.host.components.items() if name not in (*decided, *inner.carried)}
        return [name for name, component in others.items() if not isinstance(component.sort, ArraySort)]

    def kept_outside(self, guest: View) -> dict[str, Term]:
        """What the outer monitor keeps."""
        return {name: getattr(guest, OUTER + name) for name in self.outer.kept}

    def state(self, guest: View, own: View) -> tuple[dict[str, Term], View]:
        """The state of the machine between, and that machine's own part of it."""
        outer, inner = self.outer, self.inner
        parts = {name: getattr(guest, BETWEEN + name) for name in self.own}
        offset = outer.offset(View({**parts, **self.kept_outside(guest)}))
        parts[inner.memory] = shift(getattr(own, inner.memory), -offset)
        alone = View({**inner.host.constants(), **parts})
        carried = {name: getattr(guest, name) for name in inner.carried}
        return {**parts, **carried, **inner.decided(guest, alone)}, alone

    def seen_outside(self, guest: View, own: View) -> View:
        """The machine between as the outer monitor's guest."""
        return View({**self.outer.guest.constants(), **self.state(guest, own)[0], **self.kept_outside(guest)})


def compose(outer: Placement, inner: Placement) -> Placement:
    """The map of a guest in a virtual machine (`inner`) that lies in the host (`outer`).

    The monitors keep what both placements keep, the outer's names with `outer_` in front, and the components of the
    machine between that neither monitor decides on and no guest carries, with `level1_` in front.
    """
    levels = Levels(outer, inner)

    def offset(guest: View) -> Term:
        return outer.offset(View(levels.kept_outside(guest))) + inner.offset(guest)

    def granted(guest: View, own: View) -> list[Term]:
        state, alone = levels.state(guest, own)
        rules = [*outer.granted(levels.seen_outside(guest, own), own), *outer.guest.valid(state)]
        return [*inner.granted(guest, alone), *rules]

    def decided(guest: View, own: View) -> Mapping[str, Term]:
        return outer.decided(levels.seen_outside(guest, own), own)

    def region(guest: View, address: Term) -> Term:
        return inner.region(guest, address - outer.offset(View(levels.kept_outside(guest))))

    sorts = {BETWEEN + name: inner.host.components[name].sort for name in levels.own}
    return Placement(
        guest=inner.guest,
        host=outer.host,
        memory=inner.memory,
        kept={**inner.kept, **{OUTER + name: sort for name, sort in outer.kept.items()}, **sorts},
        offset=offset,
        region=region,
        granted=granted,
        decided=decided,
        entered=outer.entered,
        assumptions=(*outer.assumptions, *inner.assumptions),
    )


def recursive(
    outer: Placement, inner: Construction, place: Callable[[Term], Term] = lambda offset: offset
) -> Construction:
    """The monitor `inner` in a virtual machine that lies on the host as `outer` says, under the same monitor.

    Its law is the closure that gives any depth: where the guest runs directly, so does the machine between, the
    composed map is the inner map alone at the sum of the two places, and what the two allocators grant is what one
    would have granted there. So the squares of the inner map, which hold wherever it lies, are those of the
    composition. `place(offset)` is what the inner monitor keeps as `start` of a guest that lies `offset` up.
    """
    alone = inner.placement
    composed, levels = compose(outer, alone), Levels(outer, alone)

    def closure(guest: View, own: View) -> Mapping[str, tuple[Term, Term]]:
        moved = View(
            {**_components(guest, alone), **levels.kept_outside(guest), "start": place(composed.offset(guest))}
        )
        directly = ~inner.interprets(moved)
        one, two = composed.decided(guest, own), alone.decided(moved, own)
        at = var("$at", inner.guest.components[alone.memory].variable.sort.index)  # type: ignore[union-attr]
        said = {name: (ite(directly, term, two[name]), two[name]) for name, term in one.items()}
        grants = {f"grant {n}": (grant, TRUE) for n, grant in enumerate(alone.granted(moved, own), 1)}
        places = {"region": (composed.region(guest, at), alone.region(moved, at))}
        interprets = directly & inner.interprets(levels.seen_outside(guest, own))
        runs = {} if interprets is FALSE else {"the outer monitor interprets": (interprets, FALSE)}
        return {**said, **grants, **places, **runs}

    return replace(
        inner,
        name="recursive",
        summary="trap-and-emulate in a virtual machine of trap-and-emulate, two levels, and the law for any depth",
        source="Popek and Goldberg 1974, Theorem 2; Goldberg 1973",
        placement=replace(alone, kept=composed.kept),
        nested=composed,
        depth=inner.depth + 1,
        laws={"composition": closure},
    )


def _components(view: View, placement: Placement) -> dict[str, Term]:
    return {**placement.guest.constants(), **{name: getattr(view, name) for name in placement.guest.components}}
