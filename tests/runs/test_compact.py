"""The run's own copy of its features: small, near the truth, and the same for new photos."""

import numpy as np
import pytest
import sklearn

from cafemood.runs import compact

BACKBONE = {"name": "mobilenet_v2", "output": "features", "dim": 600}


def test_rows_keep_distances_in_little_space():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(300, 20)) @ rng.normal(size=(20, 600)) * 7).astype(np.float32)
    tensors = compact.compress(features, [str(i // 3) for i in range(300)], BACKBONE)
    assert tensors["rows"].dtype == np.float16
    assert tensors["rows"].shape == (300, compact.WIDTH)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    kept = np.linalg.norm(tensors["rows"][:50, None].astype(float) - tensors["rows"][None, :50].astype(float), axis=2)
    assert kept == pytest.approx(np.linalg.norm(unit[:50, None] - unit[None, :50], axis=2), abs=2e-3)
    assert np.isfinite(tensors["novelty.threshold"]).all()
    assert "scenes" not in tensors
    # a new photo lands where the same photo of the run lies, whatever its length
    assert compact.project_new(3 * features[:9], tensors) == pytest.approx(tensors["rows"][:9].astype(float), abs=1e-3)


def test_novelty_is_measured_in_the_whole_space():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 600)).astype(np.float32) + 3
    tensors = compact.compress(features, [str(i) for i in range(30)], BACKBONE)
    assert (compact.novelty_of(features, tensors) < 1).all()
    # a direction that no component has: only the rest tells it
    new = features[:1].copy()
    away = rng.normal(size=600).astype(np.float32)
    away -= tensors["pca.components"].T @ (tensors["pca.components"] @ away)
    found = compact.novelty_of(new / np.linalg.norm(new) + away / np.linalg.norm(away), tensors)
    assert found[0] > 1
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    exact = np.sort(np.linalg.norm(unit[1:] - unit[0], axis=1))[:3].mean()
    others = compact.compress(features[1:], [str(i) for i in range(29)], BACKBONE)
    limit = others["novelty.threshold"][0]
    assert compact.novelty_of(features[:1], others)[0] * limit == pytest.approx(exact, rel=2e-3)


def test_few_rows_and_a_zero_row():
    tensors = compact.compress(np.eye(3, 8, dtype=np.float32) * [[1], [2], [0]], list("abc"), BACKBONE)
    assert np.isfinite(tensors["rows"]).all()


@pytest.mark.parametrize("output", compact.CLASSIFIED)
def test_scenes_are_kept_where_the_features_are_places365(output):
    logits = np.random.default_rng(0).normal(size=(12, 365)).astype(np.float32)
    logits[:, 90] += 9
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = {"logits": logits, "probs": probabilities, "sqrt_probs": np.sqrt(probabilities)}[output]
    backbone = {"name": "vgg16_places365", "output": output, "dim": 365}
    tensors = compact.compress(given, [str(i) for i in range(12)], backbone)
    assert (tensors["scenes"][:, 0] == 90).all()
    assert tensors["scene_probabilities"][:, 0] == pytest.approx(probabilities[:, 90], abs=1e-3)


def test_a_long_matrix_is_compressed_in_pieces(tmp_path):
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(800, 8)) @ rng.normal(size=(8, 40)) + 2).astype(np.float16)
    np.save(tmp_path / "rows.npy", rows)
    cafes = [str(i // 4) for i in range(800)]
    whole = compact.compress(rows.astype(np.float32), cafes, BACKBONE)
    with sklearn.config_context(working_memory=0.05):
        found = compact.compress(np.load(tmp_path / "rows.npy", mmap_mode="r"), cafes, BACKBONE)
    assert {name: (t.dtype, t.shape) for name, t in found.items()} == {n: (t.dtype, t.shape) for n, t in whole.items()}
    distances = [
        np.linalg.norm(t["rows"][1:].astype(float) - t["rows"][0].astype(float), axis=1) for t in (found, whole)
    ]
    assert distances[0] == pytest.approx(distances[1], abs=2e-3)
    assert found["novelty.threshold"] == pytest.approx(whole["novelty.threshold"], rel=1e-2)
