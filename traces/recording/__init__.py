"""Recorded traces: what each step of a run changed, kept in a file, replayed and questioned."""
