"""Machine models checked against Popek and Goldberg's virtualization properties."""

import time

__all__ = ["__version__"]

__version__ = "0.1.0"

IMPORTED_AT = time.time()
"""When the first of these files was read: what is newer on disk is not what this process runs."""
