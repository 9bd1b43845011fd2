"""Sums over pieces are those over the whole."""

import numpy as np
import sklearn

from cafemood.core import chunks


def test_group_means_are_the_same_in_one_piece_and_in_many():
    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=(900, 5)).astype(np.float16), rng.permutation(np.arange(900) % 7)
    expected = np.stack([x[groups == j].astype(np.float64).mean(axis=0) for j in range(7)])
    np.testing.assert_allclose(chunks.group_means(x, groups), expected, atol=1e-6)
    with sklearn.config_context(working_memory=0.01):
        assert len(list(chunks.read(x))) > 10
        np.testing.assert_allclose(chunks.group_means(x, groups), expected, atol=1e-6)
