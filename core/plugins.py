"""A name in config.yaml -> a file's `build(**options)`. The only place that turns names into modules.

The section's options are the keyword arguments of `build`. What the surroundings know (`root`, `lists`, ...) is handed
over where `build` names it; an option the user wrote always wins. No table of plug-ins is kept anywhere.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from pkgutil import iter_modules
from typing import Any

from core.errors import FirstlineError


class PluginError(FirstlineError):
    """A name or an option in config.yaml does not fit any file. `option` is the offending one, empty for the name."""

    def __init__(self, what: str, write: str = "", option: str = "") -> None:
        super().__init__(f"{what}; write {write}" if write else what)
        self.what = what
        self.write = write
        self.option = option


def names(package: str) -> list[str]:
    """Every plug-in of a package: its public modules and sub-packages, without importing them."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    return sorted(m.name for m in iter_modules(places) if not m.name.startswith("_"))


def module(package: str, name: str) -> Any:
    """The plug-in of that name. PluginError names those there are."""
    known = names(package)
    if name not in known:
        raise PluginError(f"there is no {name!r} in {package.replace('.', '/')}/", _suggest(name, known))
    return importlib.import_module(f"{package}.{name}")


def build(package: str, name: str, options: Mapping[str, Any], surroundings: Mapping[str, Any]) -> Any:
    """What `package.name`'s build() makes of these options. PluginError says which name or option does not fit."""
    factory = module(package, name).build
    wanted = inspect.signature(factory).parameters
    for option in options:
        if option not in wanted or option in surroundings:
            own = [p for p in wanted if p not in surroundings]
            raise PluginError(f"{name!r} has no option {option!r}", _suggest(option, own), option)
    given = {key: value for key, value in surroundings.items() if key in wanted} | dict(options)
    missing = [p.name for p in wanted.values() if p.default is p.empty and p.name not in given]
    if missing:
        raise PluginError(f"{name!r} needs {missing[0]!r}", f"{missing[0]}: ...", missing[0])
    return factory(**given)


def _suggest(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"{close[0]!r} (did you mean that?)" if close else "one of " + (", ".join(known) or "no options at all")
