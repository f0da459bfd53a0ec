"""The gateware: link, dispatcher, sequencer, engines and safety gate, written in Amaranth."""
