"""Typed, interned, immutable terms over Booleans, bit-vectors and arrays: the one language of every model.

>>> from ringproof.model.terms import BitVec, var
>>> x = var("x", BitVec(32))
>>> (x + 4) - x
<4:32>
>>> x[15:0]
<x[15:0]>
"""

from .array import constant_array, select, shift, store
from .bitvector import bits, concat, join_bits, sdiv, sign_extend, slt, srem, udiv, urem, zero_extend
from .boolean import FALSE, TRUE, all_of, any_of, boolean, implies
from .choice import equal, ite
from .evaluation import Evaluation
from .sorts import Array, ArraySort, BitVec, BitVecSort, Bool, BoolSort, Sort
from .term import Term, TermError, var
from .walk import substitute, topological, variables

__all__ = [
    "FALSE",
    "TRUE",
    "Array",
    "ArraySort",
    "BitVec",
    "BitVecSort",
    "Bool",
    "BoolSort",
    "Evaluation",
    "Sort",
    "Term",
    "TermError",
    "all_of",
    "any_of",
    "bits",
    "boolean",
    "concat",
    "constant_array",
    "equal",
    "implies",
    "ite",
    "join_bits",
    "sdiv",
    "select",
    "shift",
    "sign_extend",
    "slt",
    "srem",
    "store",
    "substitute",
    "topological",
    "udiv",
    "urem",
    "var",
    "variables",
    "zero_extend",
]
