"""What is measured: a module for each topic, by its name on the command line."""

TOPICS = {
    "programs": "real programs and tight loops on ia32",
    "traps": "trap-heavy loops on ia32",
    "third_generation": "programs of the third generation machine",
    "stepping": "single steps and short random traces on ia32",
    "random_traces": "random traces with generation and property check, against single steps",
    "recording": "recording every step, against the kernel alone",
    "replaying": "replaying a trace of a million steps, and going to any of its states",
    "trace_sizes": "what a recorded step takes",
    "kernels": "building a kernel, and loading it from disk",
}
