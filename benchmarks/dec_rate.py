"""What a training step of DEC costs beside its own matrix products.

    python benchmarks/dec_rate.py [--rows 4467] [--columns 1280] [--steps 60] [--rounds 3]

In one process, for pretraining and for the refinement of rows that are drawn here, in the batches and the precision of
a run (`method=dec`):

- *products*: the matrix products of a step, forward and backward, of the same shapes in the same precision and nothing
  else: what this machine's matrix rate allows;
- *loop*: the step in plain PyTorch, with loss, gradients and optimizer;
- *ours*: the step under the Trainer, batches, logging and (for the refinement) targets included.

Milliseconds a step, by the clock and of the processor; the best of some rounds. A trainer's start and end do not count:
of two trainings, a short one's seconds are taken off a longer one's. On a machine that others use, shares by the
processor's seconds mean something, those by the clock do not.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import pytorch_lightning as pl
import torch
from run_cost import made_features
from torch import nn
from torch.nn import functional as F

from cafemood.clustering.autoencoder import Autoencoder
from cafemood.clustering.dec import DEC
from cafemood.clustering.functional import input_scale
from cafemood.clustering.modules import PhaseModule, ReconstructionModule, RefinementModule
from cafemood.clustering.rows import MatrixDataModule, Rows
from cafemood.clustering.training import TrainingContext, precision

Cost = tuple[float, float]


def least(work: Callable[[int], None], steps: int, rounds: int) -> Cost:
    """Milliseconds a step, by the clock and of the processor: the least of some rounds."""
    found = []
    for _ in range(rounds):
        seconds = []
        for n in (steps // 4, steps):
            begin, before = time.perf_counter(), time.process_time()
            work(n)
            seconds.append((time.perf_counter() - begin, time.process_time() - before))
        found.append([1000 * (b - a) / (steps - steps // 4) for a, b in zip(*seconds, strict=True)])
    return min(f[0] for f in found), min(f[1] for f in found)


def products(linears: list[nn.Linear], batch: int, half: bool) -> Callable[[int], None]:
    """The products of a step: of each layer one forward, and two (of the first layer one) backward."""
    dtype = torch.bfloat16 if half else torch.float32
    layers = [
        tuple(torch.randn(shape, dtype=dtype) for shape in ((batch, x), (y, x), (batch, y)))
        for y, x in (linear.weight.shape for linear in linears)
    ]

    def work(n: int) -> None:
        for _ in range(n):
            for i, (x, w, g) in enumerate(layers):
                F.linear(x, w)
                g.T @ x
                if i:
                    g @ w

    return work


def loop(module: PhaseModule, rows: Rows, batch: int, half: bool) -> Callable[[int], None]:
    """The step in plain PyTorch, without a trainer."""
    made = module.configure_optimizers()
    optimizer = made["optimizer"] if isinstance(made, dict) else made
    index = torch.randperm(len(rows))[:batch]
    x = {"features": rows[index], "index": index}

    def work(n: int) -> None:
        for i in range(n):
            with torch.autocast("cpu", torch.bfloat16, enabled=half):
                loss = module.training_step(x, i)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return work


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4467)
    parser.add_argument("--columns", type=int, default=1280)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    x = made_features(chosen.rows, chosen.columns)
    scale = input_scale([torch.from_numpy(x)])
    half, method = precision() == "bf16-mixed", DEC(4)
    context = TrainingContext(partial(pl.Trainer, accelerator="cpu", devices=1), verbose=False)
    rows = Rows(x, scale)

    def pretraining(steps: int = 10**6) -> PhaseModule:
        return ReconstructionModule(Autoencoder(x.shape[1]), steps=steps)

    def refinement(steps: int = 0) -> PhaseModule:
        batch = method.refinement_batch_size(len(x))
        interval = max(round(20 * method.batch_size / batch), round(0.6 * len(x) / batch))
        network = Autoencoder(x.shape[1], corruption=0)
        return RefinementModule(network, rows, torch.randn(4, 10), update_interval=interval, tol=-1.0)

    print(f"{chosen.rows} x {chosen.columns}, {torch.get_num_threads()} threads, {precision()}; ms a step")
    for name, make, batch in (
        ("pretraining", pretraining, method.batch_size),
        ("refinement", refinement, method.refinement_batch_size(len(x))),
    ):
        module = make()
        network = module.network if isinstance(module, ReconstructionModule) else module.autoencoder.encoder
        linears = [part for part in network.modules() if isinstance(part, nn.Linear)]

        def ours(n: int, make: Callable[..., PhaseModule] = make, batch: int = batch) -> None:
            context.fit(make(n), MatrixDataModule(rows, batch_size=batch), "step", n, "key")

        costs: dict[str, Cost] = {
            "products": least(products(linears, batch, half), chosen.steps, chosen.rounds),
            "loop": least(loop(module, rows, batch, half), chosen.steps, chosen.rounds),
            "ours": least(ours, chosen.steps, chosen.rounds),
        }
        flop = 6 * batch * sum(a.weight.numel() for a in linears) - 2 * batch * linears[0].weight.numel()
        for kind, (clock, core) in costs.items():
            share = f"the products are {costs['products'][1] / core:.0%} of it by the processor's seconds"
            share += f", {costs['products'][0] / clock:.0%} by the clock"
            rate = f"{flop / clock / 1e6:.0f} GFLOP/s" if kind == "products" else share
            print(f"  {name:12} batch {batch:4}  {kind:9} {clock:7.2f} {core:7.2f} of the processor   {rate}")


if __name__ == "__main__":
    main()
