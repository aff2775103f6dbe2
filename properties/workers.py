"""Processes that answer requests, each one at a time, and that can be killed at any point without harm.

A pipe to each process and nothing shared: a process that dies closes its pipe, which is noticed at once, and
an interrupt kills them all without waiting for what they were at. (A pool with shared queues can wait for ever
for the rest of an answer whose writer was killed.)
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar, cast

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Setting = TypeVar("Setting")
Serve = Callable[[Request], Answer]


class WorkerKilled(RuntimeError):
    """A worker process ended without answering."""


class Workers(Generic[Request, Answer]):
    """Running processes and the requests that wait for them."""

    def __init__(self, connections: list[Connection]) -> None:
        self._idle = connections
        self._busy: list[Connection] = []
        self._waiting: deque[Request] = deque()

    def ask(self, request: Request) -> None:
        """Adds a request; answers come in the order in which they are ready."""
        self._waiting.append(request)

    def answers(self) -> Iterator[Answer]:
        """An answer for each request, those included that are added meanwhile.

        Raises WorkerKilled when a process dies, and the exception that a request ended with.
        """
        while True:
            while self._idle and self._waiting:
                connection = self._idle.pop()
                connection.send(self._waiting.popleft())
                self._busy.append(connection)
            if not self._busy:
                return
            for connection in cast("list[Connection]", wait(self._busy)):
                try:
                    answer = connection.recv()
                except (EOFError, OSError):
                    raise WorkerKilled("a worker process ended without answering") from None
                self._busy.remove(connection)
                self._idle.append(connection)
                if isinstance(answer, Exception):
                    raise answer
                yield answer


@contextmanager
def workers(
    count: int, start: Callable[[Setting], Serve[Request, Answer]], setting: Setting
) -> Iterator[Workers[Request, Answer]]:
    """`count` processes, each of which calls `start(setting)` once and the result with every request.

    Requests, answers and `setting` are pickled, and `start` is a function of a module. The processes are killed
    at the end, whatever ends it; they never see Ctrl-C.
    """
    processes: list[multiprocessing.Process] = []
    connections: list[Connection] = []
    try:
        for _ in range(count):
            here, there = multiprocessing.Pipe()
            ours = [*connections, here]
            process = multiprocessing.Process(target=_serve, args=(there, ours, start, setting), daemon=True)
            # Ctrl-C must not reach the process before it can say that it ignores it.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            there.close()
            processes.append(process)
            connections.append(here)
        yield Workers(connections)
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.join()


def _serve(
    connection: Connection,
    ours: list[Connection],
    start: Callable[[Setting], Serve[Request, Answer]],
    setting: Setting,
) -> None:
    # The ends of those who ask, closed here so that each pipe ends when they do, however they end.
    for each in ours:
        each.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    serve: Serve[Request, Answer] | None = None
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        try:
            serve = serve or start(setting)
            answer: Answer | Exception = serve(request)
        except Exception as error:
            error.add_note(f"in a worker process:\n{traceback.format_exc()}")
            answer = error
        try:
            connection.send(answer)
        except BrokenPipeError:
            return
