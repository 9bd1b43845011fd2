"""IDEC against ClustPy's: the same weights, the same rows, eight steps of Adam on all of them at once.

The numbers in `data/` come from `benchmarks/clustpy_side.py reference`, in ClustPy's own environment. ClustPy
takes P from the batch; with all rows in it that is the whole-data P. It writes log(q + 1e-8), and Adam makes a
small gradient's small error a visible step: hence the tolerance.
"""

import json
from pathlib import Path

import numpy as np
import torch

from cafemood.clustering.autoencoder import Autoencoder
from cafemood.clustering.modules import RefinementModule

REFERENCE = json.loads((Path(__file__).parent / "idec_clustpy.json").read_text())


def test_idec_steps_as_clustpys_does():
    n, d, k = 60, 12, 4
    x = torch.sin(torch.arange(n * d, dtype=torch.float64).view(n, d) * 0.7)
    network = Autoencoder(d, (8,), 3).double()
    with torch.no_grad():
        for number, parameter in enumerate(network.parameters()):
            values = torch.arange(parameter.numel(), dtype=torch.float64).view(parameter.shape)
            parameter.copy_(0.5 * torch.sin(values * 1.3 + number))
    centers = torch.cos(torch.arange(k * 3, dtype=torch.float64).view(k, 3))
    module = RefinementModule(network, x, centers, update_interval=1, gamma=0.1, lr=1e-2).double()
    module.log_dict = lambda *args, **kwargs: None
    optimizer = module.configure_optimizers()
    for _ in range(8):
        module._update_target()
        optimizer.zero_grad()
        module.training_step({"features": x, "index": torch.arange(n)}, 0).backward()
        optimizer.step()
    np.testing.assert_allclose(module.centers.detach().numpy(), REFERENCE["centers"], atol=1e-4)
    np.testing.assert_allclose(module.log_q().exp().numpy()[::6], REFERENCE["q"], atol=1e-4)
    assert not np.allclose(centers.numpy(), REFERENCE["centers"], atol=1e-2)  # they have moved
