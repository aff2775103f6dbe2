"""IA-32 with root and non-root operation: what the machines `ia32-vmx` and `ia32-svm` share.

Read `machine` (the state and its roles), `processor` (translation and exits), then `exits` (tables of exits).
"""
