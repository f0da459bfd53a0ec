"""The page of the proofs says what is proved."""

from pathlib import Path

from formal.equivalences import EQUIVALENCES
from formal.proofs import PROOFS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "proofs.md"


def test_the_page_names_exactly_what_is_proved(tmp_path):
    page = PAGE.read_text()
    for name, proof in PROOFS.items():
        specification = proof.prepare(tmp_path / name)
        listed = page.split(f"## {name.capitalize()}\n")[1].split("\n## ")[0]
        assert [line[2:] for line in listed.splitlines() if line.startswith("- ")] == specification.properties


def test_the_page_names_exactly_the_netlists_that_are_proved():
    listed = PAGE.read_text().split("## Netlists\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in listed.splitlines() if line.startswith("| ")]
    assert rows[1:] == [[name, each.subject] for name, each in EQUIVALENCES.items()]
