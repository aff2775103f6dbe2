"""The native engine: a machine's terms as WebAssembly, run by wasmtime."""
