"""What is known of the cost of some systems: closed forms, crossovers, and measured parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import sympy

from ringproof.model.monitors.catalog import system
from ringproof.model.monitors.construction import Construction

from . import example
from . import quantities as q
from .cases import Cases, Treatment, cases
from .crossovers import Crossover, crossovers
from .fitting import Fit, NotFitted, fit
from .formula import Formula, formula
from .kinds import KINDS
from .measuring import Measuring, NotMeasured, Pair
from .mixes import FITTED, HELD_OUT


@dataclass(frozen=True)
class Measured:
    """The fitted costs of one system, of its guest alone, and the runs that were held out of the fit."""

    under: Fit
    alone: Fit
    held_out: tuple[Pair, ...]

    @property
    def costs(self) -> dict[sympy.Symbol, float]:
        """The fitted costs by symbol, with T + E in place of T and nothing for E."""
        under, alone = self.under.costs, self.alone.costs
        found = {q.DIRECT.symbol: under["direct"], q.NATIVE_TRAP.symbol: alone["trapped"]}
        found[q.PRIVILEGED.symbol] = alone["privileged"]
        if "interpreted" in under:
            found[q.INTERPRETATION.symbol] = under["interpreted"]
        if "emulated" in under:
            trap = under["emulated"]
            found |= {q.TRAP.symbol: trap, q.EMULATION.symbol: 0.0, q.REFLECTION.symbol: under["reflected"] - trap}
        return found

    def predicted(self, pair: Pair) -> float:
        """The slowdown of a run, by the shares of its steps and the fitted costs."""
        return self.under.predicted(pair.monitored.counts) / self.alone.predicted(pair.alone.counts)


@dataclass(frozen=True)
class Report:
    """`numbers` are those that crossovers are tried with; `given` says where those are from that are no examples.

    `measured` has the sentence why not, where a system was not measured.
    """

    formulas: tuple[Formula, ...]
    crossovers: tuple[Crossover, ...]
    numbers: Mapping[sympy.Symbol, Fraction]
    given: Mapping[str, str]
    measured: Mapping[str, Measured | str]

    def slowdown(self, formula: Formula) -> float:
        """The slowdown of a construction for the numbers."""
        values = {symbol: sympy.Rational(str(value)) for symbol, value in self.numbers.items()}
        return float(formula.slowdown.subs(values))

    def by_measured_costs(self, found: Crossover) -> sympy.Expr | None:
        """A crossover with the fitted costs in it, over the shares; None where it rests on others.

        Runs tell T + E and T + R, never T alone; every formula has T in these sums.
        """
        pair = [self.measured.get(name) for name in (found.one, found.two)]
        both = [each for each in pair if isinstance(each, Measured)]
        costs = {symbol: value for each in both for symbol, value in each.costs.items()}
        needed = {each.symbol for each in q.GENERAL} & found.solution.free_symbols
        if len(both) < len(pair) or not needed <= set(costs):
            return None
        return sympy.expand(found.solution.subs(costs))

    @property
    def quantities(self) -> list[q.Quantity]:
        """What the formulas speak of."""
        return described(self.formulas)


class UnknownQuantity(ValueError):
    """A name that no formula speaks of, or a number that it cannot have."""


def report(
    names: Sequence[str],
    given: Mapping[str, Fraction],
    *,
    published: Mapping[str, tuple[Fraction, str]] | None = None,
    measure: bool = False,
) -> Report:
    """The cost of the systems `names`, with those that are stated by kind for each machine among them.

    `given` are numbers by the names of quantities; where there is none, `published` may have one with what it is, and
    the others are examples. Raises MachineError for an unknown system, and UnknownQuantity for a name in `given` that
    the formulas do not have.
    """
    constructions = {name: system(name) for name in dict.fromkeys(names)}
    machines: dict[str, list[Formula]] = {}
    for name, construction in constructions.items():
        machines.setdefault(construction.guest.name, []).append(formula(cases(name, construction)))
    for formulas in machines.values():
        formulas += [formula(kind) for kind in by_kind([each.cases for each in formulas])]
    everything = tuple(each for formulas in machines.values() for each in formulas)
    levels = [level for each in everything for level in each.cases.names]
    figures = dict(published or {})
    numbers = example.numbers(dict.fromkeys(levels))
    symbols = {str(quantity.symbol): quantity.symbol for quantity in described(everything)}
    numbers |= {symbols[name]: value for name, (value, _) in figures.items() if name in symbols}
    numbers |= _given(everything, given)
    origins = {name: what for name, (_, what) in figures.items()} | dict.fromkeys(given, "given")
    found = [
        c for formulas in machines.values() for pair in combinations(formulas, 2) for c in crossovers(*pair, numbers)
    ]
    measured = {name: _measured(name, construction) for name, construction in constructions.items()} if measure else {}
    return Report(everything, tuple(found), numbers, origins, measured)


def by_kind(known: Sequence[Cases]) -> list[Cases]:
    """The constructions that are stated by kind, over the first of `known` that is one monitor and runs all levels."""
    for each in known:
        if each.depth == 1 and all(case.treatment in (Treatment.DIRECT, Treatment.SOMETIMES) for case in each.levels):
            return [kind(each) for kind in KINDS]
    return []


def described(formulas: Sequence[Formula]) -> list[q.Quantity]:
    """Every quantity of `formulas` once, shares first."""
    levels = tuple(dict.fromkeys(level for each in formulas for level in each.cases.names))
    return q.described(sum((each.cost + each.native for each in formulas), sympy.Integer(0)), levels)


def _given(formulas: Sequence[Formula], given: Mapping[str, Fraction]) -> dict[sympy.Symbol, Fraction]:
    known = {str(quantity.symbol): quantity for quantity in described(formulas)}
    for name, value in given.items():
        if name not in known:
            raise UnknownQuantity(f"no quantity of these formulas is named {name[:40]!r}; there are {', '.join(known)}")
        if known[name].unit == q.SHARE and value > 1:
            raise UnknownQuantity(f"{name} is a share, from 0 to 1, not {value}")
    return {known[name].symbol: value for name, value in given.items()}


def _measured(name: str, construction: Construction) -> Measured | str:
    try:
        pairs = Measuring(construction, cases(name, construction)).pairs([*FITTED, *HELD_OUT])
        fitted, held_out = pairs[: len(FITTED)], pairs[len(FITTED) :]
        under = fit([pair.monitored for pair in fitted], [pair.monitored for pair in held_out])
        alone = fit([pair.alone for pair in fitted], [pair.alone for pair in held_out])
    except (NotMeasured, NotFitted) as error:
        return str(error)
    return Measured(under, alone, tuple(held_out))
