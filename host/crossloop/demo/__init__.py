"""The demo: a network trained inside the arrays, shown live, compared with its baselines and reported on one page."""

from crossloop.demo.run import run_demo
from crossloop.demo.training_run import run_training

__all__ = ["run_demo", "run_training"]
