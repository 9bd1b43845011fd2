"""ClustPy's side of `benchmarks/dec.py`: runs in an environment of its own, prints one JSON object.

    python3 -m venv clustpy && clustpy/bin/pip install clustpy==0.0.3
    clustpy/bin/python benchmarks/clustpy_side.py epoch DATA          seconds an epoch of its autoencoder
    clustpy/bin/python benchmarks/clustpy_side.py dec DATA SEED EPOCHS CLUSTERING_EPOCHS
    clustpy/bin/python benchmarks/clustpy_side.py reference  what tests/clustering/test_reference.py compares IDEC with

DATA is `digits` or an .npz with X and Y.
"""

import json
import sys
import time

import numpy as np
import torch


def load(path):
    """Rows scaled as cafemood scales them, and their labels."""
    if path == "digits":
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
    else:
        with np.load(path) as stored:
            x, y = stored["X"], stored["Y"]
    x = x.reshape(len(x), -1).astype(np.float32)
    return x / np.sqrt(np.mean(np.square(x, dtype=np.float64))).astype(np.float32), y


def epoch(path, epochs=3):
    """Median seconds of an epoch as its DEC trains it: Adam, batches of 256."""
    from clustpy.deep._data_utils import get_dataloader
    from clustpy.deep.neural_networks import FeedforwardAutoencoder

    x, _ = load(path)
    network = FeedforwardAutoencoder([x.shape[1], 500, 500, 2000, 10], random_state=0)
    loader = get_dataloader(x, 256, True)
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        network.fit(n_epochs=1, dataloader=loader)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds}


def dec(path, seed, epochs, clustering_epochs):
    """Its DEC with its own defaults but for the numbers of epochs."""
    from clustpy.deep import DEC

    x, y = load(path)
    start = time.perf_counter()
    model = DEC(
        len(np.unique(y)), pretrain_epochs=int(epochs), clustering_epochs=int(clustering_epochs), random_state=int(seed)
    ).fit(x)
    return {"seconds": time.perf_counter() - start, "labels": np.asarray(model.dec_labels_).tolist()}


def reference(n=60, d=12, k=4, steps=8):
    """Some steps of IDEC on all rows at once, from weights that any program can write down."""
    from clustpy.deep._utils import squared_euclidean_distance  # noqa: F401  (fails early where ClustPy has changed)
    from clustpy.deep.dec import _DEC_Module
    from clustpy.deep.neural_networks import FeedforwardAutoencoder

    torch.set_default_dtype(torch.float64)
    x = torch.sin(torch.arange(n * d, dtype=torch.float64).view(n, d) * 0.7)
    network = FeedforwardAutoencoder([d, 8, 3], activation_fn=torch.nn.ReLU)
    for number, parameter in enumerate(network.parameters()):
        values = torch.arange(parameter.numel(), dtype=torch.float64).view(parameter.shape)
        parameter.data = 0.5 * torch.sin(values * 1.3 + number)
    module = _DEC_Module(torch.zeros(k, 3).numpy(), 1.0)
    module.centers.data = torch.cos(torch.arange(k * 3, dtype=torch.float64).view(k, 3))
    optimizer = torch.optim.Adam([*network.parameters(), *module.parameters()], lr=1e-2)

    def squared(a, b):  # ClustPy's mean squared error is a sum over columns; ours half the mean over all elements
        return (a - b).square().sum(1).mean()

    for _ in range(steps):
        loss = module._loss([None, x], network, 0.1, 0.5 / d, squared, torch.device("cpu"))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    z = network.encode(x)
    return {"centers": module.centers.tolist(), "z": z.tolist(), "q": module.predict(z).tolist()}


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    print(json.dumps({"epoch": epoch, "dec": dec, "reference": reference}[verb](*words)))
