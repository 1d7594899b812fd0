import os
from hypothesis import settings, seed
from hypothesis.stateful import run_state_machine_as_test
from tests.stateful.machine import Thread
from tests.stateful.test_invariants import QUICK, laboratory  # noqa

def test_long(laboratory):
    Thread.laboratory = laboratory
    run_state_machine_as_test(seed(int(os.environ["V1SEED"]))(Thread), settings=settings(QUICK, max_examples=24, stateful_step_count=30, print_blob=True, database=None))
