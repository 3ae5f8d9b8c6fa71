"""From options, file and environment to settings."""

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Final

from mudserver.config.keys import ASCENDING, KEYS, Key
from mudserver.config.settings import Settings
from mudserver.config.values import Unacceptable
from mudserver.errors import ConfigError

#: The environment variable that names the file, where ``--config`` doesn't.
CONFIG_VARIABLE: Final = "MUDSERVER_CONFIG"

#: The environment variable by which a world says what another one started it with.
SUMMONS_VARIABLE: Final = "MUDSERVER_SUMMONS"


def load(
    options: Mapping[str, str], environment: Mapping[str, str], file: Path | None = None
) -> Settings:
    """
    Read the settings from options, file and environment, in that order of precedence.

    Args:
        options: What the command line gave, by option name without dashes.
        environment: Environment variables.
        file: The TOML file; None for ``MUDSERVER_CONFIG``'s, or none.

    Raises:
        ConfigError: A key is unknown, a value isn't allowed, by itself or beside another, or the
            file can't be read.
    """
    if file is None and environment.get(CONFIG_VARIABLE):
        file = Path(environment[CONFIG_VARIABLE])
    from_file = {} if file is None else _read(file)
    _refuse_unknown(environment)
    values: dict[str, object] = {}
    for key in KEYS:
        for given, source, name in (
            (options.get(key.option), "the command line", f"--{key.option}"),
            (from_file.get(key.key), str(file), key.key),
            (environment.get(key.variable), "the environment", key.variable),
        ):
            if given is not None:
                values[key.attribute] = _parse(key, given, source, name)
                break
    settings = Settings(**values)  # type: ignore[arg-type]
    _check_order(settings)
    return settings


def _check_order(settings: Settings) -> None:
    keys = {key.attribute: key.key for key in KEYS}
    for attributes in ASCENDING:
        for lower, higher in pairwise(attributes):
            least, found = getattr(settings, lower), getattr(settings, higher)
            if found < least:
                raise ConfigError(
                    keys[higher],
                    "the settings",
                    f"expected no less than {keys[lower]}, which is {least:g}, found {found:g}",
                )


def _parse(key: Key, given: object, source: str, name: str) -> object:
    try:
        return key.parse(given)
    except Unacceptable as problem:
        shown = "" if key.attribute == "database" else f", found {given!r}"
        raise ConfigError(name, source, f"{problem}{shown}") from None


def _read(file: Path) -> dict[str, object]:
    """Read a TOML file into values by dotted key."""
    try:
        with file.open("rb") as stream:
            tree = tomllib.load(stream)
    except OSError as error:
        raise ConfigError("", str(file), f"can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("", str(file), f"is not TOML: {error}") from None
    flat = dict(_flatten(tree))
    known = {key.key for key in KEYS}
    for name in flat:
        if name not in known:
            raise ConfigError(name, str(file), f"no such setting{_nearest(name, known)}")
    return flat


def _flatten(tree: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, object]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {key.variable for key in KEYS} | {CONFIG_VARIABLE, SUMMONS_VARIABLE}
    for name in environment:
        if name.startswith("MUDSERVER_") and name not in known:
            raise ConfigError(name, "the environment", f"no such setting{_nearest(name, known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    matches = get_close_matches(name, known, n=1)
    return f"; did you mean {matches[0]}?" if matches else ""
