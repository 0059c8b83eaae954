"""Which table folders an action works on: its arguments, else the settings."""

import argparse
import os
from pathlib import Path

from emhwatch.errors import InputError
from emhwatch.settings import Settings
from emhwatch.tables.load import TableSet, load_tables
from emhwatch.tables.locate import locate, table_files
from emhwatch.tables.source import TableFiles


def chosen(arguments: argparse.Namespace) -> tuple[str | None, str | None]:
    """Table folder and overlay."""
    settings = Settings.from_environ(os.environ).tables
    return arguments.tables or settings.dir, arguments.overlay or settings.overlay


def files_of(arguments: argparse.Namespace) -> TableFiles:
    """The files, unparsed."""
    return table_files(*chosen(arguments))


def tables_of(arguments: argparse.Namespace) -> TableSet:
    """The tables, parsed when used.

    Raises:
        TableError: with every problem found.
    """
    return load_tables(*chosen(arguments))


def authored(arguments: argparse.Namespace) -> Path:
    """The folder that is written to: the checkout or the folder given, never an installed package.

    Raises:
        InputError: the tables are those of an installed package.
    """
    folder, origin = locate(chosen(arguments)[0])
    if origin == "wheel":
        raise InputError("The tables are those of the installed package.", remedy="Name a folder with --tables.")
    return folder
