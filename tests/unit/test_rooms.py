"""The one border that import-linter cannot draw: crossloop.protocol imports the standard library and itself, nothing else."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROTOCOL = ROOT / "host" / "crossloop" / "protocol"


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            module = node.module or ""
            names.update({f"crossloop.{alias.name}" for alias in node.names} if module == "crossloop" else {module})
    return names


@pytest.mark.parametrize("path", sorted(PROTOCOL.rglob("*.py")), ids=lambda path: path.relative_to(PROTOCOL).as_posix())
def test_protocol_imports_the_standard_library_only(path: Path) -> None:
    foreign = {
        name
        for name in imported(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not f"{name}.".startswith("crossloop.protocol.")
    }
    assert not foreign
