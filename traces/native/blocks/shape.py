"""A part of the flow as blocks, with what structured code needs: order, dominators, loops and joins.

Code is nested as in Ramsey, "Beyond Relooper" (ICFP 2022). An edge into the middle of a loop has no place there and
is left out: the region ends on it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .flow import Key, Node
from .variant import Variant, targets

MOST_INSTRUCTIONS = 400
DEEPEST = 80
"""How many blocks may be inside one another: code is written by recursion."""


@dataclass(eq=False)
class Block:
    """Instructions that follow one another; the last one's variants lead on."""

    nodes: list[Node]
    number: int = 0
    successors: list[Block] = field(default_factory=list)
    children: list[Block] = field(default_factory=list)
    parent: Block | None = None
    depth: int = 0
    loop: bool = False
    joins: bool = False
    """Whether several edges, or one that goes back, lead here."""

    @property
    def key(self) -> Key:
        return self.nodes[0].key


def successors(variant: Variant) -> list[Key]:
    """The places that a variant leads to, as often as its choice names them."""
    found = targets(variant.next)
    return [] if found is None else [(target, variant.slow) for target in found if target in variant.seen]


class Shape:
    """The blocks reachable from `head` in reverse postorder; `edges` has those kept, by source and place.

    `usable` says which nodes may be in it; none at the program counter `avoid` is."""

    def __init__(
        self, head: Node, flow: Mapping[Key, Node], usable: Callable[[Node], bool], avoid: int | None = None
    ) -> None:
        self.nodes = _reachable(head, flow, usable, avoid)
        self.blocks = self._blocks(head)
        self.edges: dict[tuple[Block, Key], Block] = {}
        self._order()
        self._dominators()
        self._classify()

    def _blocks(self, head: Node) -> list[Block]:
        leads: dict[Key, list[Key]] = {
            key: [k for v in node.variants for k in successors(v) if k in self.nodes]
            for key, node in self.nodes.items()
        }
        incoming = Counter([k for keys in leads.values() for k in keys])
        follows: dict[Key, Key] = {}
        for key, node in self.nodes.items():
            after = leads[key]
            single = len(node.variants) == 1 and node.variants[0].next.is_constant and len(after) == 1
            if single and incoming[after[0]] == 1 and after[0] != head.key:
                follows[key] = after[0]
        first = self.nodes.keys() - set(follows.values())
        by_key: dict[Key, Block] = {}
        for key in first:
            chain = [self.nodes[key]]
            while chain[-1].key in follows:
                chain.append(self.nodes[follows[chain[-1].key]])
            by_key[key] = Block(chain)
        for block in by_key.values():
            block.successors = [by_key[key] for key in leads[block.nodes[-1].key]]
        self.head = by_key[head.key]
        return list(by_key.values())

    def _order(self) -> None:
        order: list[Block] = []
        seen: set[int] = set()
        stack: list[tuple[Block, bool]] = [(self.head, False)]
        while stack:
            block, done = stack.pop()
            if done:
                order.append(block)
            elif id(block) not in seen:
                seen.add(id(block))
                stack.append((block, True))
                stack.extend((s, False) for s in reversed(block.successors) if id(s) not in seen)
        self.blocks = order[::-1]
        for number, block in enumerate(self.blocks):
            block.number = number

    def _dominators(self) -> None:
        before: dict[Block, list[Block]] = {block: [] for block in self.blocks}
        for block in self.blocks:
            for successor in block.successors:
                before[successor].append(block)
        parents: dict[Block, Block] = {self.head: self.head}
        changed = True
        while changed:
            changed = False
            for block in self.blocks[1:]:
                known = [b for b in before[block] if b in parents]
                new = known[0]
                for other in known[1:]:
                    while new is not other:
                        if new.number > other.number:
                            new = parents[new]
                        else:
                            other = parents[other]
                if parents.get(block) is not new:
                    parents[block] = new
                    changed = True
        for block in self.blocks[1:]:
            block.parent = parents[block]
            block.depth = parents[block].depth + 1
            parents[block].children.append(block)

    def _classify(self) -> None:
        forward: Counter[Block] = Counter()
        for block in self.blocks:
            kept: list[Block] = []
            for successor in block.successors:
                if successor.depth > DEEPEST:
                    continue
                if successor.number <= block.number:
                    if not _dominates(successor, block):
                        continue
                    successor.loop = True
                else:
                    forward[successor] += 1
                kept.append(successor)
                self.edges[block, successor.key] = successor
            block.successors = kept
        for block in self.blocks:
            block.joins = block.loop or forward[block] > 1


def _dominates(block: Block, other: Block | None) -> bool:
    while other is not None and other is not block:
        other = other.parent
    return other is block


def _reachable(
    head: Node, flow: Mapping[Key, Node], usable: Callable[[Node], bool], avoid: int | None
) -> dict[Key, Node]:
    """Usable nodes from `head` on, nearest first; none at the program counter `avoid`."""
    found = {head.key: head}
    queue = deque([head])
    while queue:
        node = queue.popleft()
        for variant in node.variants:
            for key in successors(variant):
                near = flow.get(key)
                full = len(found) >= MOST_INSTRUCTIONS
                if near is None or key in found or key[0] == avoid or full or not usable(near):
                    continue
                found[key] = near
                queue.append(near)
    return found
