"""The gateware as native code: cycle-accurate, without Python in the loop (target `rtl:`)."""

from crossloop_sim.engine.build import NativeDesign, build_native
from crossloop_sim.engine.errors import CompileError, CompilerNotFoundError, EngineError, YosysFailedError
from crossloop_sim.engine.simulation import NativeSimulation, Reason

__all__ = [
    "CompileError",
    "CompilerNotFoundError",
    "EngineError",
    "NativeDesign",
    "NativeSimulation",
    "Reason",
    "YosysFailedError",
    "build_native",
]
