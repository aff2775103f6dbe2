"""Discharging obligations: the back ends, and the answers they give."""
