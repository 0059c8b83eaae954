"""The demonstration: servers to run it on, fictional patients, the loop, and what is shown of it."""
