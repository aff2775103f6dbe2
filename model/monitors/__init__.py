"""Virtualization constructions: how a guest's machine lies on a host, and what the monitor does at a trap."""
