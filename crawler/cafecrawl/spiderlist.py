"""The project's spiders, as Scrapy's spider loader finds them: there is no other list of them."""

from __future__ import annotations

from scrapy.settings import BaseSettings
from scrapy.spiderloader import get_spider_loader

from cafecrawl.spider import PhotoSpider


def spider_classes(settings: BaseSettings | None) -> dict[str, type[PhotoSpider]]:
    """The spiders by name, in the order of their names."""
    assert settings is not None  # Scrapy gives every command its settings
    loader = get_spider_loader(settings)
    classes = {name: loader.load(name) for name in sorted(loader.list())}
    return {name: cls for name, cls in classes.items() if issubclass(cls, PhotoSpider)}
