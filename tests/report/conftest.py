"""A finished run whose names try to break a page."""

import pytest
from made_runs import HOSTILE, make_run

from cafemood.data.folders import scan_folder
from cafemood.data.photos import Photo, PhotoSet


@pytest.fixture
def run(tmp_path, photo_folder):
    found = scan_folder(photo_folder)
    first, *rest = found.photos
    hostile = Photo(first.photo_id, first.file, HOSTILE, cafe_name=HOSTILE, attribution="<b>Kim & 이</b>")
    broken = photo_folder / "어두운 나무" / "zero.jpg"
    broken.write_bytes(b"")
    photo_set = PhotoSet("folder", found.root, (hostile, *rest), scan_folder(photo_folder).skipped, "filename")
    return make_run(tmp_path / "run", photo_set)
