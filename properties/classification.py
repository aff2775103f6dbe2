"""The classification of a machine's instructions: every definition asked of every form, and rows by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ringproof.model.machine import Instruction
from ringproof.solvers.answer import Solver

from .definitions import Semantics
from .discharge import BUDGET, Discharger
from .pairs import Run, bases, bounded_memory, first_run
from .sensitivity import Definitions
from .verdicts import Proved, Refuted, Unknown, Vacuous, Verdict
from .witness import Witness

FLAGS = (
    "privileged",
    "control_sensitive",
    "behavior_sensitive",
    "mode_sensitive",
    "location_sensitive",
    "user_sensitive",
    "timing_sensitive",
)


@dataclass(frozen=True)
class FormResult:
    """The verdicts on one instruction form, by obligation: "executes", "privileged", "control", "mode", ..."""

    name: str
    form: str
    verdicts: dict[str, Verdict]

    def is_refuted(self, *keys: str) -> bool | None:
        """Some of the claims are refuted; None if that is not known."""
        found = [self.verdicts[key] for key in keys if key in self.verdicts]
        if any(isinstance(verdict, Refuted) for verdict in found):
            return True
        return None if any(isinstance(verdict, Unknown) for verdict in found) else False

    @property
    def resources(self) -> list[str]:
        """The components that leak, one obligation each."""
        return [
            k.split(":", 1)[1] for k, v in self.verdicts.items() if k.startswith("resource:") and isinstance(v, Refuted)
        ]

    def flags(self) -> dict[str, bool | None]:
        """Each of `FLAGS` as true, false, or None for unknown."""
        resources = [key for key in self.verdicts if key.startswith("resource:")]
        return {
            "privileged": self._privileged(),
            "control_sensitive": self.is_refuted("control"),
            "behavior_sensitive": self.is_refuted("behavior", "mode", "location", *resources),
            "mode_sensitive": self.is_refuted("mode"),
            "location_sensitive": self.is_refuted("location"),
            "user_sensitive": self.is_refuted("user-control", "user-behavior"),
            "timing_sensitive": self.is_refuted("timing"),
        }

    def _privileged(self) -> bool | None:
        verdict = self.verdicts["privileged"]
        if isinstance(verdict, Unknown):
            return None
        return isinstance(verdict, Proved)

    @property
    def witnesses(self) -> list[Witness]:
        return [verdict.witness for verdict in self.verdicts.values() if isinstance(verdict, Refuted)]


@dataclass
class Row:
    """An instruction as the classification shows it: all forms of one name together."""

    name: str
    forms: list[FormResult] = field(default_factory=list)

    def flag(self, name: str) -> bool | None:
        """A sensitivity of any form, or privilege of every form that can complete; None for unknown."""
        values = [form.flags()[name] for form in self.forms]
        if name == "privileged":
            return False if False in values else None if None in values else True
        return True if True in values else None if None in values else False

    @property
    def resources(self) -> list[str]:
        return sorted({name for form in self.forms for name in form.resources})

    @property
    def sensitive(self) -> bool | None:
        return _either(self.flag("control_sensitive"), self.flag("behavior_sensitive"))

    @property
    def innocuous(self) -> bool | None:
        """Neither sensitive nor privileged."""
        either = _either(self.sensitive, self.flag("privileged"))
        return None if either is None else not either

    def escapes(self, kind: str) -> bool | None:
        """A form that is sensitive (`kind` "sensitive" or "user") and not privileged."""
        found = [_escape(form.flags(), kind) for form in self.forms]
        return True if True in found else None if None in found else False

    @property
    def always_traps(self) -> bool:
        return all(not isinstance(form.verdicts["executes"], Refuted) for form in self.forms)


def _either(*values: bool | None) -> bool | None:
    return True if True in values else None if None in values else False


def _escape(flags: dict[str, bool | None], kind: str) -> bool | None:
    keys = {
        "sensitive": ("control_sensitive", "behavior_sensitive"),
        "user": ("user_sensitive",),
        "timing": ("timing_sensitive",),
    }[kind]
    sensitive = _either(*[flags[key] for key in keys])
    privileged = flags["privileged"]
    if sensitive is False or privileged is True:
        return False
    return True if sensitive and privileged is False else None


def classify_form(
    semantics: Semantics, instruction: Instruction, solver: Solver, budget: int = BUDGET, run: Run | None = None
) -> FormResult:
    """Decides every definition for one instruction form; `run` is its `first_run`, if the caller has it."""
    run = run or first_run(semantics.machine, instruction)
    return _Form(semantics, instruction, solver, budget, run).result()


def is_direct(semantics: Semantics, instruction: Instruction, solver: Solver, budget: int = BUDGET) -> bool:
    """Whether the form is innocuous and not privileged, so that it is to run without a monitor; asks no more than that.

    By the paper's letter a privileged instruction that is not sensitive is innocuous too, and traps nonetheless. One
    that shows a clock would show the host's own.
    """
    return _Form(semantics, instruction, solver, budget, first_run(semantics.machine, instruction)).is_direct()


def rows(results: Iterable[FormResult]) -> list[Row]:
    """The results grouped by name, in the machine's order."""
    found: dict[str, Row] = {}
    for result in results:
        found.setdefault(result.name, Row(result.name)).forms.append(result)
    return list(found.values())


def no_state(table: Iterable[Row]) -> bool:
    """No instruction could be shown to complete or to trap anywhere: the machine has no valid state."""
    return all(isinstance(form.verdicts["executes"], Vacuous) for row in table for form in row.forms)


class _Form:
    def __init__(self, semantics: Semantics, instruction: Instruction, solver: Solver, budget: int, run: Run) -> None:
        self.machine = semantics.machine
        self.instruction = instruction
        self.definitions = Definitions(instruction, run)
        self.discharger = Discharger(semantics, solver, budget)
        self.verdicts: dict[str, Verdict] = {}

    def result(self) -> FormResult:
        self._single_state()
        self._privileged()
        if isinstance(self.verdicts["executes"], Proved):
            for key in ("control", "behavior", "timing", "user-control", "user-behavior"):
                self.verdicts[key] = self.verdicts["executes"]
        else:
            self._control()
            self._behavior()
            self._timing()
        if isinstance(self.verdicts["privileged"], Proved):
            # It never completes at the guests' level.
            self.verdicts["user-control"] = self.verdicts["user-behavior"] = self.verdicts["privileged"]
        return FormResult(self.instruction.name, self.instruction.id, self.verdicts)

    def is_direct(self) -> bool:
        """See the function of this name."""
        self._single_state()
        self._privileged()
        result = FormResult(self.instruction.name, self.instruction.id, self.verdicts)
        if result.flags()["privileged"] is not False:
            return False
        if isinstance(self.verdicts["executes"], Proved):
            return True
        self._control()
        if result.flags()["control_sensitive"] is not False:
            return False
        jointly = self._jointly(self.definitions.varied_apart())
        if not isinstance(jointly, Proved | Vacuous) or result.flags()["behavior_sensitive"] is not False:
            return False
        self._timing()
        return result.flags()["timing_sensitive"] is False

    def _single_state(self) -> None:
        never = self.definitions.never_executes()
        self.verdicts["executes"] = self.discharger.discharge(never, self.instruction, "executes", thorough=False)

    def _privileged(self) -> None:
        machine = self.machine
        levels = {machine.mode: (machine.top, machine.guest_level)}
        self.verdicts["privileged"] = self.discharger.discharge(
            self.definitions.privileged(), self.instruction, "not-privileged", fixed=levels, thorough=False
        )

    def _control(self) -> None:
        definitions, discharge = self.definitions, self.discharger.discharge
        verdict = discharge(definitions.not_control_sensitive(), self.instruction, "control")
        self.verdicts["control"] = self.verdicts["user-control"] = verdict
        if not isinstance(verdict, Proved | Vacuous) and not self._is_privileged:
            user = definitions.not_control_sensitive(user=True)
            self.verdicts["user-control"] = discharge(user, self.instruction, "control", user=True)

    def _behavior(self) -> None:
        """All differences at once first: if these never show, no single one does."""
        apart = self.definitions.varied_apart()
        verdict = self._jointly(apart)
        if isinstance(verdict, Proved | Vacuous):
            return
        self._mode()
        self._location(user=False)
        for name in apart:
            self._resource(name, user=False)
        if not self._is_privileged:
            self._user_behavior(apart)
        self._outside()
        if not any(isinstance(v, Refuted) for k, v in self.verdicts.items() if _is_behavior(k)):
            self.verdicts["behavior"] = verdict

    def _jointly(self, apart: list[str]) -> Verdict:
        """Mode, place and the components `apart` at once; a proof is one of each."""
        everything = (self.machine.mode, *apart)
        joint = self.definitions.not_behavior_sensitive("behavior", everything, relocated=True)
        verdict = self.discharger.discharge(joint, self.instruction, "behavior", varied=everything, thorough=False)
        if isinstance(verdict, Proved | Vacuous):
            self.verdicts["behavior"] = self.verdicts["user-behavior"] = verdict
            self._outside()
        return verdict

    def _outside(self) -> None:
        """The memory that the program does not see, which is no part of what was varied so far."""
        for name in bounded_memory(self.machine):
            verdict = self.discharger.proved(self.definitions.reads_nothing_outside(name))
            if verdict is not None:
                self.verdicts[f"resource:{name}"] = verdict
                continue
            self._resource(name, user=False)
            shown = isinstance(self.verdicts[f"resource:{name}"], Refuted)
            if shown and not self._is_privileged and not isinstance(self.verdicts["user-behavior"], Refuted):
                self._resource(name, user=True)

    @property
    def _is_privileged(self) -> bool:
        return isinstance(self.verdicts["privileged"], Proved)

    def _mode(self) -> None:
        """The most privileged level against the guests' first, any two levels after that."""
        machine, definitions = self.machine, self.definitions
        ends = (machine.top, machine.guest_level)
        for levels in (ends, None):
            obligation = definitions.not_behavior_sensitive("mode", [machine.mode], levels=levels)
            verdict = self.discharger.discharge(obligation, self.instruction, "mode", varied=(machine.mode,))
            self.verdicts["mode"] = verdict
            if isinstance(verdict, Refuted):
                return

    def _location(self, *, user: bool) -> None:
        if bases(self.machine):
            obligation = self.definitions.not_behavior_sensitive("location", [], relocated=True, user=user)
            key = "user-behavior" if user else "location"
            self.verdicts[key] = self.discharger.discharge(obligation, self.instruction, "location", user=user)

    def _resource(self, name: str, *, user: bool) -> None:
        key = "user-behavior" if user else f"resource:{name}"
        obligation = self.definitions.not_behavior_sensitive(f"resource:{name}", [name], user=user)
        self.verdicts[key] = self.discharger.discharge(
            obligation, self.instruction, "resource", component=name, varied=(name,), user=user
        )

    def _user_behavior(self, apart: list[str]) -> None:
        """Location and resources with both states at the guests' level; the first that shows is enough."""
        joint = self.definitions.not_behavior_sensitive("user-behavior", apart, relocated=True, user=True)
        names = tuple(apart)
        verdict = self.discharger.discharge(
            joint, self.instruction, "behavior", varied=names, user=True, thorough=False
        )
        self.verdicts["user-behavior"] = verdict
        if not isinstance(verdict, Refuted):
            return
        for name in apart:
            if isinstance(self.verdicts.get(f"resource:{name}"), Refuted):
                self._resource(name, user=True)
                if isinstance(self.verdicts["user-behavior"], Refuted):
                    return
        if isinstance(self.verdicts.get("location"), Refuted):
            self._location(user=True)
        if not isinstance(self.verdicts["user-behavior"], Refuted):
            self.verdicts["user-behavior"] = verdict

    def _timing(self) -> None:
        clocks = self.definitions.clocks()
        if clocks:
            obligation = self.definitions.not_behavior_sensitive("timing", clocks)
            self.verdicts["timing"] = self.discharger.discharge(
                obligation, self.instruction, "timing", varied=tuple(clocks)
            )


def _is_behavior(key: str) -> bool:
    return key in ("mode", "location") or key.startswith("resource:")
