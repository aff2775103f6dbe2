"""The experiments on Goldberg's maps: composition on the machine, closure at any depth, faults, the two types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import product

from ringproof.model.cpu import Cpu
from ringproof.model.terms import BitVec, Term, bits, substitute, var
from ringproof.model.third_generation import third_generation
from ringproof.model.third_generation.machine import ThirdGeneration
from ringproof.solvers.answer import Answer, Sat, Undecided, Unsat

from ..experiment import Experiment, Finding, Laboratory
from .maps import Map, Symbolic

REFERENCE = (
    'Goldberg 1972, "Architectural Principles for Virtual Computer Systems", thesis, Harvard University; '
    'and "Architecture of virtual machines", 1973'
)

ADDRESS = 16
"""The bits of an address where the solver is asked."""


def symbolic(name: str) -> Symbolic:
    """An arbitrary map."""
    return Symbolic(var(f"{name}.start", BitVec(ADDRESS)), var(f"{name}.size", BitVec(ADDRESS + 1)))


def agree(one: Symbolic, inner: Symbolic, outer: Symbolic, name: Term) -> Term:
    """The map `one` does to `name` what `inner` and then `outer` do, faults included."""
    middle = inner.resource(name)
    wide = inner.start.zext(ADDRESS + 1) + name.zext(ADDRESS + 1)
    through = inner.maps(name) & (wide < 1 << ADDRESS) & outer.maps(middle)
    return (one.maps(name) == through) & (~through | (one.resource(name) == outer.resource(middle)))


def composition(laboratory: Laboratory) -> Finding:
    """On the machine, the composed relocation does to each address what phi and then f do."""
    machine = third_generation(ADDRESS)
    outcome = machine.run(_develop)
    names = machine.variables
    phi, f, x = symbolic("phi"), symbolic("f"), names["P"]
    whole = bits(1 << ADDRESS, ADDRESS + 1)
    one = f.after(phi)
    traps, cell = substitute([outcome.trapping(), outcome.state["P"]], {names["l"]: one.start, names["b"]: one.size})
    machines = Symbolic(cell - x, whole)
    by_hardware = (~traps == one.maps(x)) & (traps | (machines.resource(x) == one.resource(x)))
    answer = laboratory.ask(f.fits(whole), ~(by_hardware & agree(one, phi, f, x)))
    added = laboratory.ask(f.fits(whole), ~agree(Symbolic(f.start + phi.start, phi.size), phi, f, x))
    shown = [_counterexample("if the bound were phi's own", added, ("phi", "f"), x)]
    agrees = None if _open(answer, added) else isinstance(answer, Unsat)
    result = (
        f"{_proof(answer)}: the relocation (phi's start + f's start, phi's size cut where f ends) is phi, then f, for "
        f"every phi, every f and each of {1 << ADDRESS} names"
    )
    return Finding(result, agrees, tuple(shown))


def closure(laboratory: Laboratory) -> Finding:
    """Two maps after each other are one map of the same kind, so any number of them is; and tried with three."""
    inner, outer, x = symbolic("inner"), symbolic("outer"), var("x", BitVec(ADDRESS))
    limit = var("limit", BitVec(ADDRESS + 1))
    one = outer.after(inner)
    given = (limit <= 1 << ADDRESS, outer.fits(limit))
    same, kind = laboratory.ask(*given, ~agree(one, inner, outer, x)), laboratory.ask(*given, ~one.fits(limit))
    q = 8
    tried, wrong = 0, 0
    for chain in chains(q, 3):
        whole = reduce(lambda so_far, beneath: beneath.after(so_far), chain)
        for name in range(q):
            tried += 1
            wrong += whole(name) != walk(chain, name)[0]
    shown = (
        f"{_proof(same)}: the map of two maps takes each name where one after the other does",
        f"{_proof(kind)}: its resources lie where those of the outer one do, so it is again a map that can be composed",
        f"by induction on the depth, f, f, ..., f after phi is one map; with q = {q}, three deep: {tried} names tried, "
        f"{wrong} differ",
    )
    agrees = None if _open(same, kind) else isinstance(same, Unsat) and isinstance(kind, Unsat) and not wrong
    words = {True: "is", False: "is not", None: "may not be"}
    return Finding(f"the composition of clamped maps {words[agrees]} a clamped map, so at any depth", agrees, shown)


def faults(laboratory: Laboratory) -> Finding:
    """A composed map faults where one of its maps does, and nowhere else."""
    q = 8
    levels: Counter[str] = Counter()
    for chain in chains(q, 3):
        for name in range(q):
            resource, level = walk(chain, name)
            levels["none" if resource is not None else "phi" if not level else f"f of level {level}"] += 1
    phi, f, x = symbolic("phi"), symbolic("f"), var("x", BitVec(ADDRESS))
    whole = bits(1 << ADDRESS, ADDRESS + 1)
    process, monitor = ~phi.maps(x), phi.maps(x) & ~f.maps(phi.resource(x))
    fault = ~f.after(phi).maps(x)
    either = laboratory.ask(f.fits(whole), phi.fits(whole), fault != (process | monitor))
    shown = (
        f"q = {q}, phi and two levels: " + ", ".join(f"{key}: {levels[key]}" for key in sorted(levels)),
        f"{_proof(either)}: the composed map faults where phi does or, phi mapping the name, f does",
    )
    agrees = None if _open(either) else isinstance(either, Unsat) and len(levels) == 4
    result = (
        f"{_proof(either)}: a fault of the one map that runs is phi's or that of one f, and which it is can be told"
    )
    return Finding(result, agrees, shown)


def types(laboratory: Laboratory) -> Finding:
    """On a bare machine f's resources are real; on an extended host they are those of a process of the host."""
    bare = Symbolic(bits(0, ADDRESS), bits(1 << ADDRESS, ADDRESS + 1))
    f, phi, host, x = symbolic("f"), symbolic("phi"), symbolic("host"), var("x", BitVec(ADDRESS))
    whole = bits(1 << ADDRESS, ADDRESS + 1)
    one = bare.after(f)
    neutral = laboratory.ask(
        f.fits(whole), (one.maps(x) != f.maps(x)) | (f.maps(x) & (one.resource(x) != f.resource(x)))
    )
    deep = host.after(f.after(phi))
    out = deep.maps(x) & ~((deep.resource(x) - host.start).zext(ADDRESS + 1) < host.size)
    kept = laboratory.ask(host.fits(whole), out)
    shown = (
        f"type I: {_proof(neutral)}: beneath f lies the bare machine's map, which changes nothing",
        f"type II: {_proof(kept)}: with the map of a host's process beneath f, whatever f and phi are, what is reached "
        "lies in the storage of that process",
    )
    agrees = None if _open(neutral, kept) else isinstance(neutral, Unsat) and isinstance(kept, Unsat)
    both = {True: "for both types", False: "not for both types", None: "not decided for both types"}
    return Finding(f"the same maps are composed {both[agrees]}, with another map beneath f", agrees, shown)


def maps(q: int) -> list[Map]:
    """Every map into q resources; those of nothing once."""
    return [Map(0, 0), *[Map(start, size) for start in range(q) for size in range(1, q - start + 1)]]


def chains(q: int, length: int) -> Iterator[Sequence[Map]]:
    """Every phi with the f of each level beneath it, all into q resources."""
    return product(maps(q), repeat=length)


def walk(chain: Sequence[Map], name: int) -> tuple[int | None, int]:
    """Where a name arrives by one map after the other, and at which of them it faults (the last, if at none)."""
    for level, each in enumerate(chain):
        found = each(name)
        if found is None:
            return None, level
        name = found
    return name, len(chain) - 1


def _develop(cpu: Cpu) -> None:
    assert isinstance(cpu, ThirdGeneration)
    cpu.P = cpu.develop(cpu.P)


def _open(*answers: Answer) -> bool:
    return any(isinstance(answer, Undecided) for answer in answers)


def _proof(answer: Answer) -> str:
    return "proved" if isinstance(answer, Unsat) else "refuted" if isinstance(answer, Sat) else "undecided"


def _counterexample(what: str, answer: Answer, named: Sequence[str], x: Term) -> str:
    if not isinstance(answer, Sat):
        return f"{what}: no counterexample"
    value = {key: int(number) for key, number in answer.assignment.items() if not isinstance(number, dict)}
    found = [f"{name} = ({value.get(f'{name}.start', 0)}, {value.get(f'{name}.size', 0)})" for name in named]
    return f"{what}: refuted by {', '.join(found)} and the name {value.get(x.name, 0)}"


EXPERIMENTS = (
    Experiment(
        "composition", "the two maps", "a process of a virtual machine addresses resources by phi, then f", composition,
    ),
    Experiment(
        "closure", "recursion", "virtual machines in virtual machines add one f a level, at any depth", closure,
    ),
    Experiment(
        "faults", "exceptions",
        "a fault of phi is the process's own, one of f goes to the monitor of its level", faults,
    ),
    Experiment(
        "types", "type I and type II", "a monitor runs on the bare machine, or on an extended host", types,
    ),
)  # fmt: skip
