"""Benchmarks: how fast machines run natively, as ratios to others in the same run.

`python -m tests.benchmarks` (or `make bench`) prints a table for each topic; `--only TOPIC` chooses, `--json` prints
one document. Ordinary tests do not measure: they check the programs' results.

A topic is a module of `topics/` with a function `rows()` that yields `Row`s, and a line in `topics/__init__.py`. A row
has a figure for each contender, or why there is none, and names the one that the others are compared with. A
contender that runs programs is one function in `contenders/`, from a `Program` to millions of steps a second, and a
name in the topics that use it.

Figures are the best of several rounds, in which the contenders take turns, so that what else the computer does meets
all of them. A contender that finds a wrong result raises `WrongResult`.
"""
