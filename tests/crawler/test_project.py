"""The crawler is a plain Scrapy project: its own commands work."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from cafemood.data.photos import Photo

CRAWLER = Path(__file__).parents[2] / "crawler"


def scrapy(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scrapy", *words], cwd=CRAWLER, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", ["list", "check"])
def test_scrapys_own_commands_work(command):
    done = scrapy(command)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "value"), [("ROBOTSTXT_OBEY", "True"), ("CONCURRENT_REQUESTS_PER_DOMAIN", "1")])
def test_it_is_polite(setting, value):
    assert scrapy("settings", "--get", setting).stdout.strip() == value


@pytest.mark.slow
def test_naver_without_permission_is_refused_in_one_line():
    done = scrapy("crawl", "naver")
    assert done.returncode == 3
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Naver does not allow crawls without its written permission")


def test_items_speak_the_manifests_words(monkeypatch):
    monkeypatch.syspath_prepend(str(CRAWLER))
    from cafecrawl.items import PhotoRef, Place

    manifest = {f.name for f in fields(Photo)}
    assert {f.name for f in fields(Place)} <= manifest
    assert {f.name for f in fields(PhotoRef)} - {"url", "sha1"} <= manifest
