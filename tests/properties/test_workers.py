"""Worker processes: every request is answered, an exception and a death are told, and nothing is waited for in vain."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from ringproof.properties.workers import WorkerKilled, workers


def squares(offset: int) -> Callable[[int], int]:
    return lambda number: number * number + offset


def touchy(_: None) -> Callable[[int], bytes]:
    """Dies at 3 and fails at 4; other answers are larger than a pipe holds."""

    def serve(number: int) -> bytes:
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 4:
            raise ValueError("four")
        return bytes(1 << 20)

    return serve


def test_every_request_is_answered_once() -> None:
    with workers(3, squares, 10) as crew:
        for number in range(20):
            crew.ask(number)
        assert sorted(crew.answers()) == [n * n + 10 for n in range(20)]


def test_requests_may_come_of_answers() -> None:
    with workers(2, squares, 0) as crew:
        crew.ask(2)
        found = []
        for answer in crew.answers():
            found.append(answer)
            if answer < 1000:
                crew.ask(answer)
    assert found == [4, 16, 256, 65536]


def test_an_exception_is_raised_with_where_it_came_from() -> None:
    with workers(2, touchy, None) as crew, pytest.raises(ValueError, match="four") as error:
        crew.ask(4)
        list(crew.answers())
    assert "in serve" in error.value.__notes__[0]


def test_a_death_is_noticed_while_others_answer() -> None:
    with workers(3, touchy, None) as crew, pytest.raises(WorkerKilled):
        for number in (0, 1, 3, 2, 5, 6):
            crew.ask(number)
        list(crew.answers())


def test_leaving_does_not_wait_for_answers_that_nobody_reads() -> None:
    with workers(2, touchy, None) as crew:
        for number in range(3):
            crew.ask(number)
        next(crew.answers())
