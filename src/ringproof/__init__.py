"""Machine models checked against Popek and Goldberg's virtualization properties."""

__all__ = ["__version__"]

__version__ = "0.1.0"
