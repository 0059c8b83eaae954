"""Table sets in memory for the tests: the shipped files with some of them changed."""

from collections.abc import Mapping

from emhwatch.tables.locate import table_files
from emhwatch.tables.source import TableFiles


def shipped() -> dict[str, bytes]:
    return dict(table_files().files)


def table_set(changed: Mapping[str, str | None] | None = None, site: Mapping[str, str] | None = None) -> TableFiles:
    """The shipped files; a changed file of None is left out."""
    files = shipped()
    for path, text in (changed or {}).items():
        if text is None:
            del files[path]
        else:
            files[path] = text.encode()
    return TableFiles(files, "test", {path: text.encode() for path, text in (site or {}).items()})


def text_of(path: str) -> str:
    return shipped()[path].decode()


def printed(files: TableFiles) -> list[str]:
    return [str(problem) for problem in files.problems]
