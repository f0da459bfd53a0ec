"""Safety gate, UART and link under cocotb."""

import pytest

from crossloop.protocol.parameters import Parameters
from crossloop_hdl.link.request_link import RequestLink
from crossloop_hdl.safety import SafetyGate
from crossloop_hdl.uart import UartReceiver, UartTransmitter


@pytest.mark.parametrize(
    ("rows", "columns", "gate_lines", "nudge_lines", "break_cycles"),
    [(1, 1, 0, 0, 1), (5, 3, 1, 0, 4), (3, 4, 2, 1, 2), (33, 20, 0, 0, 7)],
)
def test_safety_gate(simulate, rows, columns, gate_lines, nudge_lines, break_cycles):
    parameters = Parameters(
        rows=rows, columns=columns, gate_lines=gate_lines, nudge_lines=nudge_lines, break_cycles=break_cycles
    )
    simulate(
        SafetyGate(parameters), "safety_gate", rows=rows, columns=columns, gate_lines=gate_lines, nudge_lines=nudge_lines,
        break_cycles=break_cycles, level_bits=parameters.level_bits,
    )  # fmt: skip


@pytest.mark.parametrize("divisor", [16, 50])
def test_uart_receiver(simulate, divisor):
    simulate(UartReceiver(divisor=divisor), "uart_receiver", divisor=divisor)


@pytest.mark.parametrize("divisor", [4, 50])
def test_uart_transmitter(simulate, divisor):
    simulate(UartTransmitter(divisor=divisor), "uart_transmitter", divisor=divisor)


@pytest.mark.parametrize(
    ("frame_bytes", "request_slots"), [(128, 2), (256, 4), pytest.param(128, 1, marks=pytest.mark.slow)]
)
def test_request_link(simulate, frame_bytes, request_slots):
    parameters = Parameters(frame_bytes=frame_bytes, request_slots=request_slots)
    simulate(RequestLink(parameters), "request_link", frame_bytes=frame_bytes, request_slots=request_slots)
