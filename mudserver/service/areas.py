"""The area files that a new world is made of."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from mudserver.errors import StartupError
from mudserver.world.area import Area
from mudserver.world.area_file import parse

_STARTER_AREA = "mudserver.areas"
_SUFFIX = ".yaml"


def read_areas(directory: Path | None) -> tuple[Area, ...]:
    """
    Read all area files of a directory, or those of the starter area.

    Raises:
        CorruptArea: One can't be understood; says which, and the line.
        StartupError: The directory can't be read.
    """
    folder: Traversable = files(_STARTER_AREA) if directory is None else directory
    try:
        return tuple(_parsed(folder))
    except OSError as error:
        raise StartupError(f"the areas in {folder} can't be read: {error}") from None


def _parsed(folder: Traversable) -> Iterator[Area]:
    found = sorted(
        (file for file in folder.iterdir() if file.name.endswith(_SUFFIX)),
        key=lambda file: file.name,
    )
    for file in found:
        yield parse(file.name, file.read_bytes())
