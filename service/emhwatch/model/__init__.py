"""Frozen data that travels from stage to stage; no behaviour beyond invariants."""
