"""The third generation machine of Popek and Goldberg 1974, and variants that add or break one thing."""

from .machine import third_generation

__all__ = ["third_generation"]
