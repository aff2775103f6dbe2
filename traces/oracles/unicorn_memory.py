"""Unicorn's memory, holding what the model's memory holds: pages appear when they are touched.

The model's memory is an array over all 2**32 addresses. Pages are buffers of this process, so that setting up
a state is a few slice assignments; `Image` states share one large block of bytes from step to step.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from typing import Any

from ringproof.traces.python_code import Cells

PAGE = 0x1000
MOST_PAGES = 24


class Image(Cells):
    """A memory that starts as `content` at `base`, with `default` around it; the dictionary holds what differs."""

    __slots__ = ("base", "content")

    def __init__(self, content: bytes, base: int, cells: Mapping[int, int] | None = None, default: int = 0) -> None:
        super().__init__(cells or {}, default)
        self.content = content
        self.base = base

    def __missing__(self, index: int) -> int:
        place = index - self.base & 0xFFFFFFFF
        return self.content[place] if place < len(self.content) else self.default

    def copy(self) -> Image:
        return Image(self.content, self.base, self, self.default)

    def moved(self, offset: int, size: int) -> Image:
        cells = {(i + offset) % size: cell for i, cell in self.items()}
        return Image(self.content, (self.base + offset) % size, cells, self.default)

    def blocks(self) -> Iterable[tuple[int, bytes]]:
        yield self.base, self.content

    def whole(self) -> Cells:
        cells = {self.base + place & 0xFFFFFFFF: cell for place, cell in enumerate(self.content)}
        cells.update(self)
        return Cells(cells, self.default)


class Block:
    """Consecutive mapped bytes: a buffer that the engine reads and writes as its memory."""

    def __init__(self, engine: Any, base: int, size: int) -> None:
        self.base, self.size = base, size
        self._buffer = (ctypes.c_uint8 * (size + PAGE))()
        start = -ctypes.addressof(self._buffer) % PAGE
        self.view = memoryview(self._buffer).cast("B")[start : start + size]
        engine.mem_map_ptr(base, size, 7, ctypes.addressof(self._buffer) + start)

    def __contains__(self, address: int) -> bool:
        return 0 <= address - self.base < self.size


class Memory:
    """What `engine` sees as memory. `load` sets it to a state's cells; `restore` undoes what a step wrote."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._arena: Block | None = None
        self._content: bytes | None = None
        self._pages: dict[int, Block] = {}
        self._cells: Cells = Cells()

    def load(self, cells: Cells) -> None:
        """Makes the memory equal to `cells` everywhere."""
        self._cells = cells
        if len(self._pages) > MOST_PAGES:
            for page in self._pages.values():
                self._engine.mem_unmap(page.base, PAGE)
            self._pages.clear()
        for page in self._pages.values():
            page.view[:] = bytes([cells.default]) * PAGE
        if isinstance(cells, Image) and cells.content is not self._content:
            self._load_content(cells)
        elif not isinstance(cells, Image) and self._arena is not None:
            self._arena.view[:] = bytes([cells.default]) * self._arena.size
            self._content = None
        self._write(cells.items())

    def _load_content(self, image: Image) -> None:
        arena = self._arena
        if arena is None or (arena.base, arena.size) != (image.base, len(image.content)):
            if image.base % PAGE or len(image.content) % PAGE:
                raise ValueError(f"an image consists of whole pages of {PAGE} bytes")
            for block in [arena, *self._pages.values()] if arena else self._pages.values():
                self._engine.mem_unmap(block.base, block.size)
            self._pages.clear()
            arena = self._arena = Block(self._engine, image.base, len(image.content))
        arena.view[:] = image.content
        self._content = image.content

    def _write(self, items: Any) -> None:
        arena = self._arena
        base, size = (arena.base, arena.size) if arena is not None else (0, 0)
        for address, value in items:
            place = address - base
            if arena is not None and 0 <= place < size:
                arena.view[place] = value
            else:
                self.page(address).view[address % PAGE] = value

    def page(self, address: int) -> Block:
        """The page of `address`, mapped and filled when it is first used."""
        base = address & -PAGE
        block = self._pages.get(base)
        if block is None:
            block = self._pages[base] = Block(self._engine, base, PAGE)
            cells = self._cells
            block.view[:] = bytes([cells.default]) * PAGE
            for cell, value in cells.items():
                if base <= cell < base + PAGE:
                    block.view[cell - base] = value
        return block

    def touch(self, address: int) -> None:
        """Maps the page of `address`, if it is not there."""
        if self._arena is None or address not in self._arena:
            self.page(address)

    def read(self, address: int) -> int:
        """The byte at `address` now."""
        if self._arena is not None and address in self._arena:
            return self._arena.view[address - self._arena.base]
        block = self._pages.get(address & -PAGE)
        return self._cells.default if block is None else block.view[address % PAGE]

    def restore(self, written: Mapping[int, int]) -> None:
        """Puts an image back to its content, after a step that stored at the addresses of `written`."""
        cells = self._cells
        if not isinstance(cells, Image) or self._arena is None:
            return
        arena, content, base = self._arena, cells.content, cells.base
        for group in (cells, written):
            for address in group:
                if address in arena:
                    arena.view[address - base] = content[address - base]
