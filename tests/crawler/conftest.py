"""A store in an empty folder, a server that runs crawls, replicas that tests can write faults for."""

from collections.abc import Iterator

import pytest
from crawler_helpers import CrawlServer
from scripted_site import ScriptedSite

from cafecrawl.replica.content import Content, blob_photo
from cafecrawl.replica.site import Replica, running
from cafecrawl.store import Store


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "사진")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def scrapy(tmp_path_factory) -> Iterator[CrawlServer]:
    """Runs `scrapy …`."""
    server = CrawlServer(tmp_path_factory.mktemp("said"))
    yield server
    server.stop()


@pytest.fixture
def replica_of():
    """Start a replica with faults; quickly drawn pictures unless told otherwise."""
    open_ones = []

    def start(*faults, content: Content | None = None, **options) -> Replica:
        content = content or Content(n_cafes=3, n_photos=4, n_openverse=12, n_commons=10, draw=blob_photo)
        context = running(Replica(content, faults, **options))
        open_ones.append(context)
        return context.__enter__()

    yield start
    for context in open_ones:
        context.__exit__(None, None, None)


@pytest.fixture
def site_of():
    """Start a site that answers as the test says."""
    open_ones = []

    def start(answer, robots=None) -> ScriptedSite:
        open_ones.append(ScriptedSite(answer, robots))
        return open_ones[-1]

    yield start
    for site in open_ones:
        site.stop()
