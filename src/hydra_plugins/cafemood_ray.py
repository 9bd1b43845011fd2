"""A sweep's jobs as Ray's tasks, on this host or a cluster. Hydra takes launchers from this package only."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from cafemood.core.ray_cluster import connected, require_ray
from cafemood.core.reasons import quoted
from cafemood.errors import CafemoodError

log = logging.getLogger(__name__)


class RayLauncher(Launcher):
    """Runs each job in a process of Ray's; a job that is killed has no result, and the others go on.

    Args:
        address: A running cluster's (`auto`, `HOST:6379`), whose hosts share this disk; None starts Ray here.
        jobs: Jobs at once if Ray is started here; None is one a core.
        cpus_per_job: Cores that each may use.
        gpus_per_job: GPUs that each has.
    """

    def __init__(
        self, address: str | None = None, jobs: int | None = None, cpus_per_job: int = 1, gpus_per_job: float = 0
    ) -> None:
        self.address, self.jobs, self.cpus, self.gpus = address, jobs, cpus_per_job, gpus_per_job

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives."""
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs; returns what they returned, in their order."""
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        try:
            require_ray("hydra/launcher", "hydra/launcher=pool")
            with connected(self.address, (self.jobs or os.cpu_count() or 1) * self.cpus):
                return self._run(job_overrides, initial_job_idx)
        except CafemoodError as error:
            sys.exit(str(error))

    def _run(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        import ray

        task = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=0)(_job)
        shared = ray.put((self.context, self.config, self.task, Singleton.get_state(), os.getcwd(), sys.argv))
        waiting = {task.remote(first + i, list(words), shared): i for i, words in enumerate(job_overrides)}
        log.info("Ray has %d jobs, each with %s cores; their output is in their folders", len(waiting), self.cpus)
        found: dict[int, JobReturn] = {}
        while waiting:
            (done,), _ = ray.wait(list(waiting))
            i = waiting.pop(done)
            words = " ".join(filter_overrides(job_overrides[i]))
            try:
                found[i] = ray.get(done)
                log.info("\t#%d : %s", first + i, words)
            except ray.exceptions.RayError as error:  # killed: the comparison names it, resume=true runs it again
                why = quoted(error, "Ray")
                log.error("\t#%d : %s has no result: %s", first + i, words, why)
                found[i] = JobReturn(job_overrides[i])
                found[i].status, found[i].return_value = JobStatus.COMPLETED, float("nan")
        return [found[i] for i in range(len(job_overrides))]


def _job(number: int, overrides: list[str], shared: tuple[Any, ...]) -> JobReturn:
    context, config, task, state, folder, words = shared
    os.chdir(folder)
    sys.argv = words
    setup_globals()
    Singleton.set_state(state)
    job = context.config_loader.load_sweep_config(config, overrides)
    with open_dict(job):
        job.hydra.job.id, job.hydra.job.num = f"{job.hydra.job.name}_{number}", number
    HydraConfig.instance().set_config(job)
    return run_job(task, job, job_dir_key="hydra.sweep.dir", job_subdir_key="hydra.sweep.subdir", hydra_context=context)
