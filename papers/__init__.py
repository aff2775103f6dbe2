"""One folder a paper: what it claims, its tables as data, and the experiment that reproduces them."""
