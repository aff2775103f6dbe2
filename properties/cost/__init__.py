"""What a construction costs: closed forms over an instruction mix, crossovers, and parameters from runs."""
