"""The space of another run, used as it is."""

import numpy as np
import pytest

from cafemood.clustering import CafeReduction, PCAReduction
from cafemood.clustering.stored_reduction import StoredReduction
from cafemood.errors import ClusteringError

RNG = np.random.default_rng(0)
IDS = [str(i // 4) for i in range(80)]
X = (RNG.normal(size=(80, 6)) + np.repeat(RNG.normal(size=(20, 6)), 4, axis=0)).astype(np.float32)
NEW = RNG.normal(size=(9, 6)).astype(np.float32)


@pytest.mark.parametrize("learnt", [CafeReduction(), PCAReduction(3)])
def test_it_projects_as_what_was_learnt(learnt):
    learnt.fit(X, IDS)
    stored = StoredReduction(learnt.tensors(), "reduce.space=run", "abc")
    np.testing.assert_allclose(stored.fit_transform(NEW, None), learnt.transform(NEW), atol=1e-5)
    assert stored.space == learnt.space
    assert stored.facts()["n_components"] == learnt.transform(NEW).shape[1]
    assert stored.tensors().keys() == learnt.tensors().keys()
    assert (stored.ratios_ is None) == isinstance(learnt, PCAReduction)


def test_features_of_another_backbone_are_refused():
    stored = StoredReduction(PCAReduction(3).fit(X).tensors(), "reduce.space=run", "abc")
    stored.check_backbone("abc")
    with pytest.raises(ClusteringError) as error:
        stored.check_backbone("abd")
    assert error.value.where == "reduce.space=run"
    with pytest.raises(ClusteringError, match="does not fit"):
        stored.transform(NEW[:, :4])
