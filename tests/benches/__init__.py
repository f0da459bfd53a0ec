"""cocotb benches: these modules run inside the simulator; tests/rtl/ builds and launches them."""
