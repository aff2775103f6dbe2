"""What a machine is: terms, state, instructions, and the machines themselves. Nothing here knows a solver."""
