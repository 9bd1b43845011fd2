"""Labelled matrices as data, and the mistakes in them."""

import numpy as np
import pytest

from cafemood.backbones.precomputed import rows_as_features
from cafemood.data.labelled import labelled_rows, read_labelled
from cafemood.errors import FeaturesError
from cafemood.features.embedding import embed


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "숫자.npz"
    np.savez(path, X=np.arange(24, dtype=np.uint8).reshape(4, 3, 2), Y=[7, 7, 8, 9])
    return path


def test_rows_keep_their_labels_and_numbers(file, cache_dir):
    photo_set = labelled_rows(str(file))
    kept, features, embedded = embed(photo_set, rows_as_features(str(file)), cache_dir)
    assert [p.label for p in kept.photos] == ["7", "7", "8", "9"]
    assert photo_set.labelled
    assert embedded == 0
    np.testing.assert_array_equal(features.matrix(), np.arange(24, dtype=np.float32).reshape(4, 6))


def test_equal_rows_are_two_rows(tmp_path):
    path = tmp_path / "same.npz"
    np.savez(path, features=np.ones((3, 2)), labels=[0, 0, 1])
    assert len({p.photo_id for p in labelled_rows(str(path)).photos}) == 3


@pytest.mark.parametrize(
    ("x", "pixels"),
    [
        (np.zeros((4, 3, 2)), (3, 2)),
        (np.zeros((4, 784), np.uint8), (28, 28)),
        (np.zeros((4, 784), np.float32), None),  # as many features as a picture has pixels
        (np.zeros((4, 60), np.uint8), None),
        (np.zeros((4, 4), np.uint8), None),
        (np.zeros((4, 8, 8, 3), np.uint8), None),
    ],
)
def test_rows_that_are_grey_pictures_are_known(tmp_path, x, pixels):
    path = tmp_path / "rows.npz"
    np.savez(path, X=x, Y=np.zeros(4))
    photo_set = labelled_rows(str(path))
    assert photo_set.pixels == pixels
    assert not photo_set.has_files
    assert ("no pictures" in photo_set.notes[0]) == (pixels is None)


def test_digits_need_no_file():
    assert labelled_rows("digits").pixels == (8, 8)
    features, labels, _ = read_labelled("digits")
    assert features.shape == (1797, 64)
    assert features.dtype == np.float32
    assert sorted(set(labels)) == list(range(10))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.ones((3, 2))}, r"no X and Y[\s\S]*it holds X"),
        ({"X": np.ones((3, 2)), "Y": np.ones(2)}, r"do not match[\s\S]*\(2,\) labels for features of shape \(3, 2\)"),
        ({"X": np.ones((0, 2)), "Y": np.ones(0)}, "do not match"),
        ({"X": np.array([{}, {}]), "Y": np.ones(2)}, "cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, arrays, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(FeaturesError, match=message):
        read_labelled(str(path))


@pytest.mark.parametrize(
    ("path", "message"),
    [(None, r"No labelled matrix given[\s\S]*data.path"), ("/nowhere/mnist.npz", "does not exist")],
)
def test_a_missing_file_is_said(path, message):
    with pytest.raises(FeaturesError, match=message):
        read_labelled(path)


def test_a_damaged_file_is_said(file):
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(FeaturesError, match=r"(?s)cannot be read.*it is damaged, or no \.npz of plain arrays"):
        read_labelled(str(file))
