"""The concrete side: the reference interpreter, random generation, recording, replay and shrinking."""
