"""Repairing a machine: what would have to trap, or which configuration bits to set, for a condition to hold."""
