"""Whole tiles and a network: products and pulsed updates against aihwkit, in turns, two threads each, the same cells and inputs."""

from __future__ import annotations

from functools import partial

import numba
import numpy as np
from peer_process import Peer
from peers.serve import timed
from report import Report

from crossloop_sim.devices.presets import PULSED
from crossloop_sim.devices.pulsed import PulsedDevice
from crossloop_sim.tile import AnalogTile, TileNetwork, TileSettings

SIZE = 256
TURNS = 7
SAMPLES = 300


def measure(report: Report) -> None:
    """Compare updates, products and training."""
    print(f"  numba threads {numba.get_num_threads()}, aihwkit 2 threads", flush=True)
    peer = Peer("aihwkit")
    for device in ("ecram", "reram-sb"):
        _updates(report, peer, device)
        _products(report, peer, device)
        _network(report, peer, device)
    peer.close()


def _tile(device: str, form: str) -> AnalogTile:
    cells = PULSED[device]
    assert isinstance(cells, PulsedDevice)
    tile = AnalogTile(SIZE, SIZE, cells, TileSettings(form=form, choose_slots=False, balance=False))
    tile.set_weights(np.random.default_rng(1).uniform(-0.06, 0.06, (SIZE, SIZE)).astype(np.float32))
    return tile


def _updates(report: Report, peer: Peer, device: str) -> None:
    for kind, gradient, repeats in (("dense", 1.0, 10), ("sparse", 0.01, 60)):
        rng = np.random.default_rng(2)
        x = rng.uniform(-1, 1, SIZE).astype(np.float32)
        d = (gradient * rng.uniform(-1, 1, SIZE)).astype(np.float32)
        ours: dict[str, list[float]] = {"sequential": [], "counted": []}
        theirs: list[float] = []
        peer.ask("update", device=device, gradient=gradient, repeats=3)
        for _ in range(TURNS):
            theirs += peer.ask("update", device=device, gradient=gradient, repeats=repeats)["seconds"]
            for form, seconds in ours.items():
                update = partial(_tile(device, form).update, x, d, 0.05)
                update()
                seconds.extend(timed(update, repeats))
        for form, seconds in ours.items():
            report.add(
                f"{device} tile, {kind} update, {form}", _rates(seconds), "updates/s",
                reference="aihwkit", reference_values=_rates(theirs), bar=4.0 if form == "sequential" else None,
            )  # fmt: skip


def _products(report: Report, peer: Peer, device: str) -> None:
    for batch, bar, repeats in ((1, 1.0, 300), (256, 1.5, 15)):
        x = np.random.default_rng(3).uniform(-1, 1, (batch, SIZE)).astype(np.float32)
        for transposed in (False, True):
            tile = _tile(device, "sequential")
            call = tile.backward if transposed else tile.forward
            given = x[0] if batch == 1 else x
            ours: list[float] = []
            theirs: list[float] = []
            call(given)
            peer.ask("product", device=device, batch=batch, transposed=transposed, repeats=3)
            for _ in range(TURNS):
                theirs += peer.ask("product", device=device, batch=batch, transposed=transposed, repeats=repeats)[
                    "seconds"
                ]
                ours += timed(partial(call, given), repeats)
            report.add(
                f"{device} tile, {'transposed' if transposed else 'forward'} product, batch {batch}", _rates(ours), "products/s",
                reference="aihwkit", reference_values=_rates(theirs), bar=bar,
            )  # fmt: skip


def _network(report: Report, peer: Peer, device: str) -> None:
    cells = PULSED[device]
    assert isinstance(cells, PulsedDevice)
    rng = np.random.default_rng(4)
    x = (rng.random((SAMPLES, 784)) * (rng.random((SAMPLES, 784)) < 0.19)).astype(np.float32)
    labels = rng.integers(0, 10, SAMPLES)
    network = TileNetwork((784, 256, 128, 10), cells)

    def train() -> None:
        for image, label in zip(x, labels, strict=True):
            network.step(image, int(label), 0.05)

    train()
    peer.ask("network", device=device, samples=20)
    ours, theirs = [], []
    for _ in range(5):
        theirs += peer.ask("network", device=device, samples=SAMPLES)["seconds"]
        ours += timed(train, 1)
    report.add(
        f"network 784-256-128-10, {device}", [SAMPLES / s for s in ours], "samples/s",
        reference="aihwkit", reference_values=[SAMPLES / s for s in theirs], bar=3.0,
    )  # fmt: skip


def _rates(seconds: list[float]) -> list[float]:
    return [1 / value for value in seconds]
