"""One run: photos -> features -> clusters -> scores -> report. `python train.py --help` shows every setting."""

from __future__ import annotations

import logging
import sys
from functools import partial
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from cafemood.app import command_line, config, sweeps
from cafemood.errors import CafemoodError

log = logging.getLogger("cafemood")
failed: list[str] = []


@hydra.main(config_path="conf", config_name="config", **config.HYDRA_MAIN)
def main(cfg: DictConfig) -> float:
    """Run one job; returns the silhouette in the feature space, one number that any sweeper can use."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        config.check(cfg)
        if cfg.resume and (score := sweeps.finished_score(folder)) is not None:
            return score
        return run_job(cfg, folder)
    except CafemoodError as error:  # the user's to mend: no traceback, and a sweep goes on with its next job
        log.error("%s", error)
        failed.append(folder.name)
        return float("nan")


def run_job(cfg: DictConfig, folder: Path) -> float:
    """Do the work of one job in its own folder."""
    # Imported here: torch and scikit-learn take seconds, and --help or a typo must answer at once.
    from cafemood import runs
    from cafemood.cafes import profiles
    from cafemood.clustering.reduction import display_plane
    from cafemood.evaluation.assessment import evaluate
    from cafemood.evaluation.baselines import baselines
    from cafemood.evaluation.resampling import ReliabilityOptions
    from cafemood.evaluation.selection import choose_k
    from cafemood.features.embedding import several
    from cafemood.report import report, terminal, tracking
    from cafemood.runs import thumbnails

    config.quiet()
    config.limit_memory(cfg.working_memory)
    trainer = config.build(cfg.trainer, default_root_dir=str(folder))
    fleet = several(trainer)
    if fleet is not None and fleet.global_rank > 0:  # one of several processes: embed a share, leave the rest to rank 0
        config.photo_data(cfg, config.build(cfg.data), fleet).prepare_data()
        return float("nan")
    choices = {group: HydraConfig.get().runtime.choices[group] for group in ("reduce", "method")}
    facts = {"command": command_line.command(), "k": cfg.k, "seed": cfg.seed}
    facts |= {group: {"name": name, **config.plain(cfg[group])} for group, name in choices.items()}
    loggers = []
    try:
        with runs.RunWriter(folder, facts) as run:
            loggers = list(config.build(cfg.logger).values())
            with run.stage("find photos") as stage:
                photo_set = config.build(cfg.data)
                stage["items"] = len(photo_set.photos)
            with run.stage("embed") as stage:
                data = config.photo_data(cfg, photo_set, fleet)
                data.prepare_data()
                data.setup()
                stage["items"] = data.n_embedded
            photo_set, features = data.photo_set, data.features.matrix()
            for skipped in photo_set.skipped:
                log.warning("Skipped %s: %s", skipped.file, skipped.reason)
            of_photo = [p.cafe_id for p in photo_set.photos] if photo_set.cafes_known else None
            if cfg.k == "auto":
                with run.stage("choose k", items=len(features)):
                    picked = choose_k(features, config.k_range(cfg), of_photo, seed=cfg.seed, desc="k")
                cfg.k = run.chose_k(picked)
            with run.stage("cluster", items=len(features)):
                method = config.build(cfg.method)
                alone = partial(trainer, devices=1, num_nodes=1, strategy="auto")
                options = {"trainer": alone, "cache_dir": cfg.cache_dir}
                clustering = method.fit(data, space=data.reduction.space, logger=loggers, **options)
            with run.stage("score", items=len(features)):
                plane, explained = display_plane(features)
                compared = baselines(features, clustering, cfg.k, n_seeds=cfg.baseline_seeds)
                truth = [p.label for p in photo_set.photos] if photo_set.labelled else None
                asked = config.tried(cfg, run.facts)
                asked["n_candidates"] = asked.pop("n_tried")
                reliability = ReliabilityOptions.of(method, cfg.k, data.reduction.n_components, options, **asked)
                evaluation = evaluate(features, plane, clustering, compared, reliability, truth=truth, cafes=of_photo)
            run.record(data, clustering, evaluation, plane, explained)
        finished = runs.load(folder)
        if photo_set.pixels:
            thumbnails.draw_rows(finished, features, photo_set.pixels)
        page = report.write_report(finished)
        if finished.knows_cafes:
            profiles.build(finished)
        tracking.log_run(loggers, finished, config.plain(cfg))
    finally:
        tracking.finish(loggers)
    terminal.print_summary(finished)
    print(f"Report: {page}")
    return evaluation.scores["silhouette@features"]


if __name__ == "__main__":
    words = command_line.swept(command_line.quoted(sys.argv[1:]), Path(__file__).parent / "conf" / "experiment")
    sys.argv[1:] = command_line.resumed(words)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped. Nothing that was embedded is lost: run the same command again.")
    sys.exit(1 if failed or sweeps.CompareSweep.incomplete else 0)
