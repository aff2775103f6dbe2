"""Theorem 2: a monitor under a monitor. The maps compose, Goldberg's f after f, and the composition is a map again.

Popek and Goldberg 1974, Theorem 2; Goldberg 1973 for the composition. The outer monitor runs a virtual machine in which
the inner monitor runs the guest. While the guest runs, the machine between is in its guests' mode, so the outer monitor
reflects every trap into it, where the inner monitor takes it up. What the inner monitor itself executes is a program
like any other, of which the outer monitor's theorem speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..cpu import View
from ..terms import TRUE, Term, shift, var
from .construction import Construction
from .placement import Placement

OUTER, BETWEEN = "outer_", "level1_"


def compose(outer: Placement, inner: Placement) -> Placement:
    """The map of a guest in a virtual machine (`inner`) that lies in the host (`outer`).

    The monitors keep what both placements keep, the outer's names with `outer_` in front, and the components of the
    machine between that neither monitor decides on and no guest carries, with `level1_` in front.
    """
    memory = inner.memory
    decided_inside = inner.decided(inner.view(inner.guest_state()), inner.own_view())
    own_between = [
        name for name in inner.host.components if name not in (memory, *decided_inside, *inner.carried)
    ]  # fmt: skip

    def kept_outside(guest: View) -> dict[str, Term]:
        return {name: getattr(guest, OUTER + name) for name in outer.kept}

    def between(guest: View, own: View) -> tuple[dict[str, Term], View]:
        """The state of the machine between, and that machine's own part of it."""
        parts = {name: getattr(guest, BETWEEN + name) for name in own_between}
        offset = outer.offset(View({**parts, **kept_outside(guest)}))
        parts[memory] = shift(getattr(own, memory), -offset)
        alone = View({**inner.host.constants(), **parts})
        carried = {name: getattr(guest, name) for name in inner.carried}
        return {**parts, **carried, **inner.decided(guest, alone)}, alone

    def seen_outside(guest: View, own: View) -> View:
        return View({**outer.guest.constants(), **between(guest, own)[0], **kept_outside(guest)})

    def offset(guest: View) -> Term:
        return outer.offset(View(kept_outside(guest))) + inner.offset(guest)

    def granted(guest: View, own: View) -> list[Term]:
        state, alone = between(guest, own)
        rules = [*outer.granted(seen_outside(guest, own), own), *outer.guest.valid(state)]
        return [*inner.granted(guest, alone), *rules]

    def decided(guest: View, own: View) -> Mapping[str, Term]:
        return outer.decided(seen_outside(guest, own), own)

    def region(guest: View, address: Term) -> Term:
        return inner.region(guest, address - outer.offset(View(kept_outside(guest))))

    sorts = {BETWEEN + name: inner.host.components[name].sort for name in own_between}
    return Placement(
        guest=inner.guest,
        host=outer.host,
        memory=memory,
        kept={**inner.kept, **{OUTER + name: sort for name, sort in outer.kept.items()}, **sorts},
        offset=offset,
        region=region,
        granted=granted,
        decided=decided,
        entered=outer.entered,
        assumptions=(*outer.assumptions, *inner.assumptions),
    )


def recursive(outer: Placement, inner: Construction) -> Construction:
    """The monitor `inner` in a virtual machine that lies on the host as `outer` says.

    Its law is the closure that gives any depth: the composed map is the inner map alone, at the sum of the two places,
    and what the two allocators grant is what one would have granted there. So the squares of the inner map, which hold
    wherever it lies, are those of the composition.
    """
    composed = compose(outer, inner.placement)
    alone = inner.placement

    def closure(guest: View, own: View) -> Mapping[str, tuple[Term, Term]]:
        entry = {name: getattr(guest, OUTER + name) for name in outer.kept}
        moved = View({**_components(guest, alone), **entry, "start": composed.offset(guest)})
        one, two = composed.decided(guest, own), alone.decided(moved, own)
        at = var("$at", inner.guest.components[alone.memory].variable.sort.index)  # type: ignore[union-attr]
        grants = {f"grant {n}": (grant, TRUE) for n, grant in enumerate(alone.granted(moved, own), 1)}
        places = {"region": (composed.region(guest, at), alone.region(moved, at))}
        return {**{name: (term, two[name]) for name, term in one.items()}, **grants, **places}

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
