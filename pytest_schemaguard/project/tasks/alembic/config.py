"""The project's alembic Config, on the guard's database.

https://alembic.sqlalchemy.org/en/latest/tutorial.html#editing-the-ini-file
"""

from __future__ import annotations

import configparser
import difflib
import inspect
import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.failure import failure
from pytest_schemaguard.project.paths import relative
from pytest_schemaguard.project.tasks import loading

try:
    from alembic import __version__
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
except ImportError:
    raise ProjectError(
        "alembic",
        "it is not installed where pytest runs",
        fix="pip install 'pytest-schemaguard[alembic]'",
    ) from None

from pytest_schemaguard.project.tasks.alembic.attributes import Attributes
from pytest_schemaguard.project.tasks.alembic.url import with_driver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CommandError", "Prepared", "configure"]

UNREADABLE = (CommandError, configparser.Error, KeyError, TypeError, ValueError)
"""What alembic raises for a value with a stray percent sign, or an unknown separator."""
PYPROJECT = "pyproject.toml"
PYPROJECT_SINCE = (1, 16)
_LOGGING = re.compile(r"(?:loggers|handlers|formatters|(?:logger|handler|formatter)_\w+)$")
_LEGACY_SPLIT = re.compile(r", *|(?: +)|\:")
"""How alembic splits prepend_sys_path where the ini names no path_separator."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A Config ready to run, in the working directory that it needs."""

    config: Config
    folder: str
    """Which folder relative paths are read from: `root` (the configuration's), or `ini` (the
    ini's); `function` where a function made the Config."""
    location: Path
    """The script location: the folder of env.py, absolute."""
    subject: str
    """What the user named, for messages."""
    root: Path

    @property
    def env(self) -> Path:
        return self.location / "env.py"

    @property
    def attributes(self) -> Attributes:
        attributes = self.config.attributes
        assert isinstance(attributes, Attributes)
        return attributes

    @cached_property
    def script(self) -> ScriptDirectory:
        """The ScriptDirectory; it has not read the revisions yet. Raises ProjectError."""
        try:
            return ScriptDirectory.from_config(self.config)
        except UNREADABLE as error:
            words = " ".join(str(error).split())
            raise ProjectError(self.subject, words, fix="mend that value") from None


def configure(source: Mapping[str, Any], *, root: Path, url: str) -> Prepared:
    """Make the Config that `source` names, for the database at `url` (plain `postgresql://`).

    Relative paths are tried as alembic reads them, from the working directory `root`, then from
    the ini's folder; if only the latter has the script location, that becomes the working
    directory. Raises ProjectError: no such ini, section, function or script location.
    """
    prepared = (
        _from_function(source["function"], root, url)
        if source["function"] is not None
        else _from_ini(Path(source["ini"]), source["section"], root)
    )
    if not prepared.env.is_file():
        raise ProjectError(
            prepared.subject,
            f"no env.py in {prepared.location}",
            fix="`script_location` names the folder that `alembic init` made",
        )
    config = prepared.config
    if source["function"] is None:
        own = config.file_config.get(
            config.config_ini_section, "sqlalchemy.url", raw=True, fallback=None
        )
        text = prepared.env.read_text(encoding="utf-8", errors="replace")
        full = with_driver(url, own=own, env_text=text)
        config.set_main_option("sqlalchemy.url", full.replace("%", "%%"))
    if not isinstance(config.attributes, Attributes):
        sync = with_driver(url, own=None, env_text="")
        vars(config)["attributes"] = Attributes(config.attributes, sync)
    return prepared


def _from_function(entry: str, root: Path, url: str) -> Prepared:
    subject = f"migrations {entry}"
    function = loading.find(entry, subject=subject, root=root)
    try:
        required = [
            one
            for one in inspect.signature(function).parameters.values()
            if one.default is one.empty and one.kind not in {one.VAR_KEYWORD, one.VAR_POSITIONAL}
        ]
    except (TypeError, ValueError):
        required = []
    if len(required) > 1:
        raise ProjectError(
            subject,
            f"the function takes {len(required)} arguments",
            fix="name a function of no argument, or of one: the database's URL",
        )
    try:
        config = function(*[with_driver(url, own=None, env_text="")] * len(required))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a function can raise anything
        raise failure(error, "failed as it was called", subject=subject, root=root) from None
    if not isinstance(config, Config):
        raise ProjectError(
            subject,
            f"it returned {type(config).__name__} {config!r:.60}, no alembic Config",
            fix="return alembic.config.Config(...)",
        )
    named = _option(config, "script_location", subject)
    if named is None:
        raise ProjectError(
            subject,
            "the Config that it returned has no script_location",
            fix='config.set_main_option("script_location", ...)',
        )
    _prepend(config, Path.cwd(), subject)
    location = _located(named, Path.cwd())
    if location is None:
        raise ProjectError(
            subject,
            f"no script_location {named}",
            fix=f"it is read from {Path.cwd()}: let the function set an absolute path",
        )
    return Prepared(config=config, folder="function", location=location, subject=subject, root=root)


def _from_ini(ini: Path, section: str, root: Path) -> Prepared:
    subject = f"migrations {relative(str(ini), root)}"
    config = _read(ini, section, subject)
    named = _option(config, "script_location", subject)
    if named is None:
        if not (ini.parent / "env.py").is_file():
            raise ProjectError(
                subject,
                f"no script_location in [{section}]",
                fix=f"write `script_location = {_guess(ini.parent)}` below [{section}]",
            )
        # Flask-Migrate's layout: it sets the option itself, to the folder of its ini.
        named = str(ini.parent)
        config.set_main_option("script_location", named.replace("%", "%%"))
    places = {"root": root, "ini": ini.parent}
    for place in reversed(places.values()):
        _prepend(config, place, subject)
    locations = {
        folder: location
        for folder, place in places.items()
        if (location := _located(named, place)) is not None
    }
    if not locations:
        tried = " and ".join(dict.fromkeys(str(place) for place in places.values()))
        raise ProjectError(
            subject,
            f"no script_location {named}: tried from {tried}",
            fix=f"`script_location = {_guess(ini.parent)}`",
            path=relative(str(ini), root),
        )
    # Another folder of that name may be there, of SQL files: the first with an env.py.
    folder = min(locations, key=lambda one: not (locations[one] / "env.py").is_file())
    os.chdir(places[folder])
    return Prepared(
        config=config, folder=folder, location=locations[folder], subject=subject, root=root
    )


def _read(ini: Path, section: str, subject: str) -> Config:
    if not ini.is_file():
        near = sorted(path.name for path in ini.parent.glob("*.ini"))
        raise ProjectError(
            subject,
            f"no file {ini}",
            fix=f"did you mean {' or '.join(near)}?" if near else "run `alembic init`",
        )
    if ini.name == PYPROJECT:
        if _version() < PYPROJECT_SINCE:
            raise ProjectError(
                subject,
                f"alembic {__version__} does not read {PYPROJECT}",
                fix="install alembic 1.16 or newer, or name the alembic.ini",
            )
        beside = ini.with_name("alembic.ini")
        config = Config(beside if beside.is_file() else None, toml_file=ini, ini_section=section)
        if not config.toml_alembic_config:
            raise ProjectError(subject, "no table [tool.alembic]", fix="name the alembic.ini")
        return config
    both = {"toml_file": ini.with_name(PYPROJECT)} if _version() >= PYPROJECT_SINCE else {}
    config = Config(str(ini), ini_section=section, **both)  # type: ignore[arg-type]
    try:
        sections = config.file_config.sections()
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ProjectError(
            subject,
            " ".join(str(error).replace(repr(ini), repr(str(ini))).split()),
            fix="mend the file: https://docs.python.org/3/library/configparser.html",
            path=ini,
            line=getattr(error, "lineno", None),
        ) from None
    if section not in sections:
        known = [one for one in sections if not _LOGGING.match(one)]
        near = difflib.get_close_matches(section, known, n=1)
        listed = ", ".join(f"[{one}]" for one in known) or "no section"
        raise ProjectError(
            subject,
            f"no section [{section}]",
            fix=f'did you mean section = "{near[0]}"?' if near else f"it has {listed}",
        )
    return config


def _option(config: Config, name: str, subject: str) -> str | None:
    """An option of the main section, or since alembic 1.16 of [tool.alembic]."""
    get = getattr(config, "get_alembic_option", config.get_main_option)
    try:
        value = get(name)
    except UNREADABLE as error:
        raise ProjectError(subject, " ".join(str(error).split()), fix=f"mend `{name}`") from None
    return None if value is None else str(value)


def _prepend(config: Config, place: Path, subject: str) -> None:
    """What ScriptDirectory.from_config does with prepend_sys_path, from a given folder."""
    entries: Iterable[str]
    try:
        if _version() >= PYPROJECT_SINCE:
            entries = config.get_prepend_sys_paths_list() or ()
        else:
            entries = _LEGACY_SPLIT.split(config.get_main_option("prepend_sys_path", ""))
    except UNREADABLE as error:
        raise ProjectError(subject, " ".join(str(error).split()), fix="mend the ini") from None
    sys.path[:0] = [str(place / entry) for entry in entries if entry]


def _located(named: str, place: Path) -> Path | None:
    """The folder that a script_location means, seen from `place`: a path, or `package:folder`."""
    if ":" in named and not Path(named).is_absolute():
        package, *below = named.split(":")
        try:
            spec = find_spec(package)
        except (ImportError, ValueError):
            spec = None
        parents = list(spec.submodule_search_locations or ()) if spec else []
        places = [Path(parent, *below) for parent in parents]
    else:
        places = [place / named]
    return next((one.resolve() for one in places if one.is_dir()), None)


def _guess(folder: Path) -> str:
    found = sorted(folder.glob("*/env.py")) or sorted(folder.glob("*/*/env.py"))
    return f"%(here)s/{found[0].parent.relative_to(folder)}" if found else "%(here)s/migrations"


def _version() -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", __version__)[:2])
