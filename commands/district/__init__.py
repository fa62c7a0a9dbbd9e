"""The simulated street, for `demo` and `simulate`."""
