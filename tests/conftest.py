"""Options and fixtures of the whole test suite."""

import os
import random
from importlib import metadata
from shutil import which

import numpy as np
import pytest

DEFAULT_SEED = 1

# Most tests step a design for less time than it takes to compile it well.
os.environ.setdefault("CFLAGS", "-O1")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("crossloop")
    group.addoption("--slow", action="store_true", help="run the tests marked slow, too")
    group.addoption(
        "--seed", default=str(DEFAULT_SEED), help="seed of all random tests; `random` draws one (default: %(default)s)"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    given = config.getoption("--seed")
    config.crossloop_seed = random.SystemRandom().randrange(2**32) if given == "random" else int(given)
    # Hypothesis draws from the same seed, unless it was given one of its own.
    if getattr(config.option, "hypothesis_seed", None) is None:
        config.option.hypothesis_seed = config.crossloop_seed


def pytest_report_header(config: pytest.Config) -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "amaranth", "cocotb"))
    icarus = which("iverilog") or "none"
    return (
        f"crossloop: --seed={config.crossloop_seed} --hypothesis-seed={config.option.hypothesis_seed}, "
        f"{versions}, iverilog: {icarus}"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="slow: run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run, printed in the header."""
    return pytestconfig.crossloop_seed


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """A fresh generator, the same in every test of a run, whatever ran before."""
    return np.random.default_rng(seed)
