"""Campaigns: Theorem 1's condition on random traces, with coverage, and counterexamples like the solver's."""
