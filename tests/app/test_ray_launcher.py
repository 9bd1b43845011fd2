"""A sweep's jobs on Ray: one that is killed has no result, and the others go on."""

import subprocess
import sys
from pathlib import Path

import pytest

CONF = Path(__file__).parents[2] / "conf"
APP = """
import os, signal, sys
import hydra
from cafemood.app import config

@hydra.main(config_path=sys.argv.pop(1), config_name="config", **config.HYDRA_MAIN)
def main(cfg):
    if cfg.k == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    with open("ended.txt", "a") as stream:
        stream.write(f"{cfg.k} {' '.join(sys.argv[1:])}\\n")
    return cfg.k

main()
"""


@pytest.mark.slow
def test_a_job_that_is_killed_has_no_result_and_the_others_go_on(tmp_path):
    (tmp_path / "app.py").write_text(APP)
    words = ["-m", "hydra/launcher=ray", "hydra.launcher.jobs=2", "k=2,3", "~hydra.callbacks.compare"]
    done = subprocess.run(
        [sys.executable, "app.py", str(CONF), *words], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ended.txt").read_text() == f"2 {' '.join(words)}\n"
    assert "#1 : k=3 has no result" in done.stdout + done.stderr
    assert len(list((tmp_path / "outputs/sweeps").glob("*/*/.hydra"))) == 2
