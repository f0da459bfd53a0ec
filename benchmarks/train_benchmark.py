"""The demo's training through `rtl:` and through `model:`, in turns: samples per second of wall time."""

from __future__ import annotations

import time
from typing import Any

from report import Report

from crossloop.demo.target import open_session, target_url
from crossloop.training.array_network import ArrayNetwork
from crossloop.training.data import Digits, load_digits
from crossloop.training.optimiser import LAYERS, sample_order

SAMPLES = 250
"""Images per turn."""
TURNS = 4
WARM = 50
"""Images before the first turn: compilers and caches are warm then."""
RATE = 0.05


class Training:
    """One network being trained on one target, a few images at a time."""

    def __init__(self, target: str, data: Digits) -> None:
        self._session = open_session(target_url(target, LAYERS, 0), print)
        self._session.arm()
        self._network = ArrayNetwork(self._session, LAYERS)
        self._network.initialise(0)
        self._data = data
        self._order = iter(sample_order(0, 0, len(data.train)))
        self.rates: list[float] = []
        self.turn(warm=True)

    def turn(self, *, warm: bool = False) -> None:
        """Train on some images and note the rate."""
        begin, train = time.perf_counter(), self._data.train
        count = WARM if warm else SAMPLES
        for _ in range(count):
            index = next(self._order)
            self._network.learn(train.inputs[index], int(train.labels[index]), RATE)
        if not warm:
            self.rates.append(count / (time.perf_counter() - begin))

    def statistics(self) -> dict[str, Any]:
        """Return the target's figures."""
        world: Any = self._session.transport
        figures: dict[str, Any] = world.world.statistics()
        return figures

    def close(self) -> None:
        """End the session."""
        self._network.flush()
        self._session.close()


def measure(report: Report) -> None:
    """Train in turns on both targets."""
    data = load_digits()
    rtl, model = Training("rtl:", data), Training("model:", data)
    for turn in range(TURNS):
        print(f"  turn {turn + 1} of {TURNS}", flush=True)
        rtl.turn()
        model.turn()
    figures = rtl.statistics()
    rtl.close()
    model.close()
    report.add("training through rtl:", rtl.rates, "samples/s", bar=300)
    report.add("training through model:", model.rates, "samples/s", reference="rtl:", reference_values=rtl.rates, bar=2)
    report.add("native code of the gateware", figures["compile_s"], "s to compile", bar=60, at_most=True)
