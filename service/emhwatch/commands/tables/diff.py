"""`emhwatch tables diff`."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments of its own."""


def run(arguments: argparse.Namespace) -> int:
    """Not there yet."""
    raise NotImplementedError
