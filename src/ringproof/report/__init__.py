"""The counterexample report: one HTML file that shows runs, works offline, and carries the machine itself."""
