"""What is to be shown: classification, theorems, the mode graph, decoding; obligations in, verdicts out."""
