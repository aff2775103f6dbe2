"""Terms as a native function: the counterpart of `python_code.compile_terms`, by which readers are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ringproof.model.terms import Sort, Term, variables

from .emit import Emitter, Support, write_slot
from .graph import Graph, Plan
from .layout import Layout
from .memory import CONTROL_BYTES
from .runtime import Code
from .store import Store
from .wasm import I32, PAGE, Function, Module

LIMIT = 1 << 24


def native_terms(roots: Sequence[Term]) -> Callable[[Mapping[str, Any]], tuple[int, ...]]:
    """A function from an assignment (variable name to integer, truth value or Cells) to the roots' values.

    Roots are Bools and bit-vectors of any width.

    >>> from ringproof.model.terms import BitVec, var
    >>> x = var("x", BitVec(8))
    >>> native_terms([x + 255, x < 3])({"x": 2})
    (1, True)
    """
    module, layout = Module(), Layout(CONTROL_BYTES)
    inputs: dict[str, Sort] = {node.name: node.sort for node in variables(roots)}
    layout.place(inputs)
    support = Support.of(module, layout, 0)
    results = Layout(layout.top)
    results.place({str(number): root.sort for number, root in enumerate(roots)})
    f = Function("compute", (I32, I32), (I32,))
    plan = Plan(Graph())
    for root in roots:
        plan.use(root, plan.root)
    plan.settle()
    emitter = Emitter(f, plan, layout.slots, support)
    emitter.open(plan.root)
    for number, root in enumerate(roots):
        write_slot(emitter, root, results.slots[str(number)])
    f.const(I32, 0)
    module.define(f, export=True)
    layout.top = results.top
    running = Code.compile(module.encoded(-(-layout.top // PAGE) + 1)).start()
    store = Store(running, layout, inputs, LIMIT, heap=layout.top)

    def compute(values: Mapping[str, Any]) -> tuple[int, ...]:
        store.load({name: values[name] for name in inputs})
        running.call("compute", 0, 0)
        return tuple([store.get(results.slots[str(n)], root.sort) for n, root in enumerate(roots)])

    return compute
