"""What is checked of every proof: it holds, reaches what it covers, and is about something that runs."""

from dataclasses import replace

from formal.proofs import PROOFS


class ProofChecks:
    """Tests of the proof `name`."""

    def test_the_properties_hold(self, name, tmp_path):
        proof = PROOFS[name]
        proof.prepare(tmp_path)
        status, log = proof.run(tmp_path, "prove")
        assert status == 0, log[-4000:]
        assert not proof.unbounded or "successful proof by k-induction" in log

    def test_every_cover_is_reached(self, name, tmp_path):
        proof = PROOFS[name]
        specification = proof.prepare(tmp_path)
        status, log = proof.run(tmp_path, "cover")
        assert status == 0, log[-4000:]
        assert log.count("Reached cover statement") == len(specification.reached)

    def test_a_falsehood_is_not_proved(self, name, tmp_path):
        """A specification whose clock does not run proves anything."""
        proof = PROOFS[name]

        class Absurd(proof.make):
            def specify(self):
                super().specify()
                self.helps(~self.past(self.past(self.started)))

        absurd = replace(proof, make=Absurd)
        absurd.prepare(tmp_path)
        status, log = absurd.run(tmp_path, "prove")
        assert status != 0
        assert "Assert failed" in log
