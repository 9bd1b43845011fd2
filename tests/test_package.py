"""What importing the package does."""

import os
import pty
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


@pytest.mark.parametrize(("given", "expected"), [(None, "10"), ("3", "3")])
def test_bars_in_a_log_file_are_few_lines_unless_the_user_says_otherwise(given, expected):
    told = "import cafemood, tqdm, sys; print(tqdm.tqdm(range(3), file=sys.stdout).mininterval)"
    env = {name: value for name, value in os.environ.items() if name != "TQDM_MININTERVAL"}
    env |= {"TQDM_MININTERVAL": given} if given else {}
    found = subprocess.run([sys.executable, "-c", told], env=env, capture_output=True, text=True, check=True)
    assert float(found.stdout.split()[-1]) == float(expected)


def test_bars_in_a_terminal_move():
    env = {name: value for name, value in os.environ.items() if name != "TQDM_MININTERVAL"}
    told = "import cafemood, os; print(os.environ.get('TQDM_MININTERVAL'))"
    terminal, end = pty.openpty()
    try:
        command = [sys.executable, "-c", told]
        found = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=end, text=True, check=True)
    finally:
        os.close(terminal), os.close(end)
    assert found.stdout.strip() == "None"
