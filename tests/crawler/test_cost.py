"""The cost of a crawl, counted by hand; and that no list beside Scrapy's names the spiders."""

import ast
from pathlib import Path

import pytest
from scrapy.settings import Settings

import cafecrawl
from cafecrawl import settings as project_settings
from cafecrawl.cost import Cost
from cafecrawl.options import read_options
from cafecrawl.spiderlist import spider_classes
from cafecrawl.spiders.openverse import OpenverseSpider

SPIDERS = spider_classes(Settings({"SPIDER_MODULES": project_settings.SPIDER_MODULES}))


@pytest.mark.parametrize(
    ("name", "arguments", "cost"),
    [
        ("naver", {}, Cost(16 * 2 + 2 * 16 * 76, 16 * 76 * 10)),
        ("naver", {"area": "공릉동", "cafes": "20", "photos": "5"}, Cost(1 + 2 * 20, 100)),
        ("osm", {"area": "공릉동,seongsu"}, Cost(2, 0, 10.0)),
        ("openverse", {"limit": "500"}, Cost(25, 500, 3.2, 1.0, 200)),
        ("openverse", {"query": "a|b"}, Cost(24, 480, 3.2, 1.0, 200)),
        ("openverse", {"area": "all"}, Cost(16 * 2 * 12, 16 * 2 * 240, 3.2, 1.0, 200)),
        ("openverse", {"area": "공릉동,seongsu", "query": "a|b|"}, Cost(2 * 2 * 12, 2 * 2 * 240, 3.2, 1.0, 200)),
        ("commons", {"limit": "120"}, Cost(3, 120, 1.0, 0.5)),
        ("commons", {"query": "cafe|"}, Cost(200, 10_000, 1.0, 0.5)),
    ],
)
def test_costs(name, arguments, cost):
    spider = SPIDERS[name]
    assert spider.cost(read_options({"contact": "a@example.org"} | arguments, spider.own)) == cost


def test_a_table_costs_a_request_a_row(tmp_path):
    table = tmp_path / "photos.csv"
    table.write_text("url,licence\nhttp://a/1.jpg,cc0\nhttp://a/2.jpg,cc0\n")
    spider = SPIDERS["urllist"]
    assert spider.cost(read_options({"contact": "a@example.org", "file": str(table)}, spider.own)) == Cost(0, 2)


def test_hours_and_days_by_hand():
    assert Cost(100, 1000, 3.6, 1.8).hours == pytest.approx(0.6)
    assert Cost(401, 0, per_day=OpenverseSpider.daily_quota).days == 3
    assert Cost(401, 0).days == 1


def test_every_spider_says_what_it_costs():
    assert len(SPIDERS) >= 5
    assert all("cost" in vars(spider) for spider in SPIDERS.values())


def test_no_module_beside_a_spider_and_its_parser_names_it():
    root = Path(cafecrawl.__file__).parent
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0] in ("spiders", "parsers", "replica"):  # the replica names sites
            continue
        tree = ast.parse(path.read_text())
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        classes = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not texts & set(SPIDERS), path.name
        assert not classes & {spider.__name__ for spider in SPIDERS.values()}, path.name
