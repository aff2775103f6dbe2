"""Hypothesis over the campaigns' generators: laws on any state, shrinking, and a stateful test."""

from __future__ import annotations

from hypothesis import find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from ringproof.model.third_generation import third_generation
from ringproof.properties.definitions import Semantics
from ringproof.traces.generation.bases import copied
from ringproof.traces.generation.strategies import pairs, placed, programs, states
from ringproof.traces.interpreter import Interpreter, State

MACHINE = third_generation()
SEMANTICS = Semantics(MACHINE)


@settings(max_examples=30, deadline=None)
@given(states(MACHINE), programs(MACHINE))
def test_a_trap_leaves_the_state_as_it_was(state: State, program: list[int]) -> None:
    state = placed(MACHINE, state, program)
    before = copied(state)
    step = SEMANTICS.interpreter.attempt(state)
    assert step.trapped is None or state == before


@settings(max_examples=30, deadline=None)
@given(pairs(MACHINE))
def test_one_of_a_pair_is_a_guests(pair: tuple[State, State]) -> None:
    assert any(SEMANTICS.at_guest_level(state) for state in pair)


def test_programs_shrink_to_one_instruction() -> None:
    smallest = find(programs(MACHINE), lambda program: len(program) >= 1)
    assert smallest == [0]


class Lockstep(RuleBasedStateMachine):
    """Two copies of a state stay alike, whatever runs."""

    @initialize(state=states(MACHINE))
    def start(self, state: State) -> None:
        self.one, self.two = copied(state), copied(state)
        self.first, self.second = Interpreter(MACHINE), SEMANTICS.interpreter

    @rule(count=st.integers(1, 5))
    def steps(self, count: int) -> None:
        self.first.run(self.one, count)
        self.second.run(self.two, count)
        assert self.one == self.two

    @rule(program=programs(MACHINE))
    def code(self, program: list[int]) -> None:
        if SEMANTICS.interpreter.fetch(copied(self.one))[1] is None:
            self.one, self.two = placed(MACHINE, self.one, program), placed(MACHINE, self.two, program)


TestLockstep = Lockstep.TestCase
TestLockstep.settings = settings(max_examples=15, stateful_step_count=8, deadline=None)
