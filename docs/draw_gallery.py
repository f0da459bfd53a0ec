"""Draw the gallery, docs/gallery.md and its pictures, after a change of a model: `python docs/draw_gallery.py`."""

from __future__ import annotations

from pathlib import Path

from crossloop_sim.devices.presets import DEVICES
from crossloop_sim.looks import arrays, cells

DOCS = Path(__file__).parent
PRESETS = {
    "rpu": "The specification for training with plain gradient descent: constant steps, 30 % spread.",
    "soft-bounds": "Two hundred states that saturate.",
    "ecram": "Lithium ECRAM, linear steps of unequal slope.",
    "ecram-voltage": "ECRAM with its open-circuit voltage, driven by voltage.",
    "ecram-current": "The same cell driven by current: symmetric.",
    "reram-sb": "Resistive memory: noise of several steps, write noise.",
    "reram-om": "Arrays of resistive memory as measured, log-normal steps.",
    "rram": "Formed cells for write-verify: exponential in voltage, relaxing.",
    "filament": "From forming to SET and RESET.",
    "pcm": "Phase change: gradual SET, abrupt RESET, drift.",
    "3t1c": "A capacitor cell with mismatch and leak.",
    "protonic": "A protonic resistor, steps of nanoseconds.",
}
"""Which presets are shown, and what to look at."""


def main() -> None:
    """Draw every picture and write the page."""
    images = DOCS / "images"
    lines = ["# Gallery of the models", "", "Drawn by `python docs/draw_gallery.py`; everything here is simulated.", ""]
    for name, caption in PRESETS.items():
        print(f"drawing {name}", flush=True)
        cells.draw(name, DEVICES[name], images / f"model-{name}.png")
        lines += [
            f"## {name}",
            "",
            f"{caption} `crossloop model show {name}`",
            "",
            f"![{name}](images/model-{name}.png)",
            "",
        ]
    print("drawing wires", flush=True)
    arrays.draw(images / "model-wires.png")
    lines += [
        "## Wires",
        "",
        "What resistance and capacitance of lines do. `crossloop model show wires`",
        "",
        "![wires](images/model-wires.png)",
        "",
    ]
    (DOCS / "gallery.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
