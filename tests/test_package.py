"""What importing the package does."""

import os
import subprocess
import sys

import pytest

TOLD = "import cafemood, os; print(os.environ['GOMP_SPINCOUNT'])"


@pytest.mark.parametrize(("given", "expected"), [(None, "10000"), ("300000", "300000")])
def test_waiting_threads_go_to_sleep_unless_the_user_says_otherwise(given, expected):
    env = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    env |= {"GOMP_SPINCOUNT": given} if given else {}
    found = subprocess.run([sys.executable, "-c", TOLD], env=env, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == expected
