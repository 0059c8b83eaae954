"""Authored tables to one frozen, indexed `TableSet`."""
