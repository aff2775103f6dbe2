"""Random traces as a pure function of a seed and a number: base states, mutations, programs. See `traces`."""
