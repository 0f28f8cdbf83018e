"""The architecture, measured: who imports whom (import-linter) and the budgets a reader's patience sets (ast)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

from core import plugins

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bots", "channels", "core")
MODULE_LINES = 250
FUNCTION_LINES = 40
PARAMETERS = 6
IMPORT_DEPTH = 6
MAY_IMPORT_BY_NAME = {"bots.__main__", "bots.schedule", "core.plugins", "core.store.hints", "core.store.migrate"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file of ours."""

    name: str
    path: Path

    @cached_property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.name)

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    def imports(self, known: frozenset[str]) -> Iterator[str]:
        """Our modules this one imports when it is itself imported."""
        for node in _executed_on_import(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if alias.name in known)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                for alias in node.names:
                    full = f"{base}.{alias.name}"
                    yield from (name for name in ([full] if full in known else [base]) if name in known)

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.path.name == "__init__.py" else self.name.split(".")[:-1]
        package = package[: len(package) - node.level + 1]
        return ".".join([*package, *([node.module] if node.module else [])])


def _executed_on_import(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if not isinstance(node, Function | ast.Lambda):
            yield node
            yield from _executed_on_import(node)


@cache
def modules() -> list[Module]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


@cache
def graph() -> dict[str, list[str]]:
    known = frozenset(module.name for module in modules())
    return {m.name: sorted(set(m.imports(known)) - {m.name}) for m in modules()}


@cache
def deepest(name: str) -> tuple[str, ...]:
    """The longest chain of imports that starts here and stays in the same package, as libraries' depths are counted."""
    package = name.partition(".")[0]
    near = [other for other in graph()[name] if other.partition(".")[0] == package]
    return (name, *max(map(deepest, near), key=len, default=()))


def parameters(function: Function) -> int:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    starred = [a for a in (arguments.vararg, arguments.kwarg) if a]
    return len([a for a in named if a.arg not in {"self", "cls"}]) + len(starred)


def is_command(module: Module, function: Function) -> bool:
    """A command's parameters are its options on the command line, which users type by name."""
    return module.name.startswith("bots.commands.") and function.name == "command"


def plug_in(name: str, folder: str) -> str:
    """The plug-in of that folder a module belongs to, empty when it is elsewhere."""
    return name.removeprefix(f"{folder}.").partition(".")[0] if name.startswith(f"{folder}.") else ""


def test_there_is_something_to_measure() -> None:
    assert {"core.rules", "core.ports", "bots"} <= set(graph())


def test_every_import_contract_is_kept() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-logo"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", ["channels", "core.signals", "core.providers", "core.reports"])
def test_plug_ins_of_one_folder_are_strangers_to_one_another(folder: str) -> None:
    known = plugins.names(folder)
    assert len(known) >= 1
    acquainted = [
        f"{name} -> {other}"
        for name, others in graph().items()
        for other in others
        if {plug_in(name, folder), plug_in(other, folder)} <= set(known)
        and plug_in(name, folder) != plug_in(other, folder)
    ]
    assert not acquainted


def test_a_module_fits_its_budget_of_lines() -> None:
    over = {m.name: lines for m in modules() if (lines := m.source.count("\n")) > MODULE_LINES}
    assert not over, f"more than {MODULE_LINES} lines: {over}"


def test_a_function_fits_its_budget_of_lines() -> None:
    sizes = {f"{m.name}:{f.name}": (f.end_lineno or 0) - f.lineno + 1 for m in modules() for f in m.functions}
    over = {name: size for name, size in sizes.items() if size > FUNCTION_LINES}
    assert not over, f"more than {FUNCTION_LINES} lines: {over}"


def test_a_function_takes_few_parameters() -> None:
    counted = [(m, f) for m in modules() for f in m.functions if not is_command(m, f)]
    counts = {f"{m.name}:{f.name}": parameters(f) for m, f in counted}
    over = {name: count for name, count in counts.items() if count > PARAMETERS}
    assert not over, f"more than {PARAMETERS} parameters: {over}"


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    done: set[str] = set()

    def circle(name: str, path: tuple[str, ...]) -> tuple[str, ...]:
        if name in path:
            return (*path[path.index(name) :], name)
        if name in done:
            return ()
        found = next(filter(None, (circle(other, (*path, name)) for other in graph()[name])), ())
        done.add(name)
        return found

    circles = [found for name in graph() if (found := circle(name, ()))]
    assert not circles, " and ".join(" -> ".join(found) for found in circles)


def test_a_chain_of_imports_is_short() -> None:
    longest = max((deepest(name) for name in graph()), key=len)
    assert len(longest) - 1 <= IMPORT_DEPTH, " -> ".join(longest)


def test_no_function_imports_anything() -> None:
    late = [
        f"{module.path.relative_to(ROOT)}:{node.lineno}"
        for module in modules()
        for function in module.functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not late, f"imports inside functions: {late}"


def test_only_a_few_modules_turn_a_name_into_a_module() -> None:
    by_name = {m.name for m in modules() if "import_module(" in m.source or "__import__" in m.source}
    assert by_name <= MAY_IMPORT_BY_NAME, f"unexpected dynamic imports in {by_name - MAY_IMPORT_BY_NAME}"


def test_every_module_says_what_belongs_in_it() -> None:
    silent = [m.name for m in modules() if m.source.strip() and not ast.get_docstring(m.tree)]
    assert not silent, f"no docstring: {silent}"
