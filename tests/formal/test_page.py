"""The page of the proofs says what is proved."""

from pathlib import Path

from formal.proofs import PROOFS


def test_the_page_names_exactly_what_is_proved(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "reference" / "proofs.md").read_text()
    for name, proof in PROOFS.items():
        specification = proof.prepare(tmp_path / name)
        listed = page.split(f"## {name.capitalize()}\n")[1].split("\n## ")[0]
        assert [line[2:] for line in listed.splitlines() if line.startswith("- ")] == specification.properties
