"""Programs that run long: regions of code specialized for where they are and what rarely changes, chained natively.

Read `specialize` (one instruction at one place), `flow` (what was seen to follow what), `shape` (blocks and loops),
`region` (their code), `dispatch` (which region runs), then `tier`.
"""
