"""What the programs of IA-32 must find, computed in Python and in other ways where there are any."""

from __future__ import annotations

import zlib

MASK = 0xFFFFFFFF


def _random(count: int, shift: int) -> list[int]:
    found, random = [], 1
    for _ in range(count):
        random = (random * 1103515245 + 12345) & MASK
        found.append(random >> shift)
    return found


def primes(size: int) -> int:
    sieve = bytearray([1]) * size
    for n in range(2, int(size**0.5) + 1):
        if sieve[n]:
            sieve[n * n :: n] = bytes(len(range(n * n, size, n)))
    return sum(sieve[2:])


def crc32(size: int) -> int:
    return zlib.crc32(bytes([word & 0xFF for word in _random(size, 16)]))


def quicksort(size: int) -> int:
    return sum(position * word for position, word in enumerate(sorted(_random(size, 8)))) & MASK


def matrix(size: int) -> int:
    a = [i * 7 - 3 for i in range(size * size)]
    columns = [[11 - i * 5 for i in range(j, size * size, size)] for j in range(size)]
    total = 0
    for i in range(size):
        row = a[i * size : (i + 1) * size]
        for column in columns:
            total = (total * 3 + sum(x * y for x, y in zip(row, column, strict=True))) & MASK
    return total


def strings(size: int) -> int:
    total = 0
    for n in reversed(range(size)):
        text = bytearray([ord("a") + n % 7]) * 1000
        text[n % 1000] = ord("z")
        total += 999 - text.index(b"z")
        copy = bytearray(text)
        copy[999 - n % 500] = ord("!")
        different = next(i for i in range(1000) if text[i] != copy[i])
        total = (total * 5 + 999 - different) & MASK
    return total


def interpreter(size: int) -> int:
    total = 0
    for n in range(size, 0, -1):
        total = ((n * n & MASK) ^ total) + 1 & MASK
    return total


def records(size: int) -> int:
    total = 1
    for round_ in range(size):
        # The list is built before it is walked, from the last record to the first.
        values = [total ^ i for i in range(8)]
        for i in reversed(range(8)):
            kind, value = (round_ + i) % 3, values[i]
            if kind == 0:
                total += value
            elif kind == 1:
                total = total * 3 + value
            else:
                total //= value % 17 + 1
            total = total + 7 * (i % 4 == round_ % 4) & MASK
    return total


def loop_registers(size: int) -> int:
    total = 0
    for n in range(size, 0, -1):
        total = (total + n & MASK) ^ 0x55
    return total


def loop_memory(size: int) -> int:
    return size * (size + 1) // 2 + 3 * size & MASK


def loop_calls(size: int) -> int:
    return size * (size + 1) // 2 & MASK


def count(size: int) -> int:
    return size
