"""Finds the table files on disk: a setting, the installed wheel, or the checkout, in this order."""

from importlib.resources import files as package_files
from pathlib import Path

from emhwatch.errors import ConfigurationError
from emhwatch.tables.source import TableFiles

FOLDERS = ("mappings", "terminology")
SUFFIXES = (".csv", ".toml")


def locate(setting: str | None = None) -> tuple[Path, str]:
    """Return the folder that holds `mappings/` and `terminology/`, and the name of its origin.

    Raises:
        ConfigurationError: no tables are found.
    """
    if setting:
        folder = Path(setting)
        if not all((folder / name).is_dir() for name in FOLDERS):
            raise ConfigurationError(
                "EMHWATCH_TABLES_DIR does not hold mappings/ and terminology/.", remedy="Point it at a table folder."
            )
        return folder, "setting"
    installed = Path(str(package_files("emhwatch"))) / "_tables"
    if installed.is_dir():
        return installed, "wheel"
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").is_file() and (checkout / "mappings").is_dir():
        return checkout, "checkout"
    raise ConfigurationError("No tables found.", remedy="Reinstall the package or set EMHWATCH_TABLES_DIR.")


def read_files(folder: Path) -> dict[str, bytes]:
    """All authored table files below `folder` by relative path with `/`."""
    found = {}
    for name in FOLDERS:
        for path in sorted((folder / name).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def table_files(setting: str | None = None, overlay: str | None = None) -> TableFiles:
    """The shipped (or configured) table files with a site's own folder laid over them, unparsed.

    Raises:
        ConfigurationError: a folder is not there.
    """
    folder, origin = locate(setting)
    if not overlay:
        return TableFiles(read_files(folder), origin)
    site = Path(overlay)
    if not site.is_dir():
        raise ConfigurationError(
            "EMHWATCH_TABLES_OVERLAY is no folder.", remedy="Point it at the site's table folder, or leave it unset."
        )
    return TableFiles(read_files(folder), origin, read_files(site))
