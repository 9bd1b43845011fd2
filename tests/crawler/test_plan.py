"""What a crawl would cost, counted by hand."""

import pytest

from cafecrawl.commands.plan import Plan, planned
from cafecrawl.options import read_options
from cafecrawl.spiders.openverse import OpenverseSpider


@pytest.mark.parametrize(
    ("name", "arguments", "plan"),
    [
        ("naver", {}, Plan(16 * 2 + 2 * 16 * 76, 16 * 76 * 10)),
        ("naver", {"area": "공릉동", "cafes": "20", "photos": "5"}, Plan(1 + 2 * 20, 100)),
        ("osm", {"area": "공릉동,seongsu"}, Plan(2, 0, 10.0)),
        ("openverse", {"limit": "500"}, Plan(25, 500, 3.2, 1.0, 200)),
        ("openverse", {"query": "a|b"}, Plan(24, 480, 3.2, 1.0, 200)),
        ("openverse", {"area": "all"}, Plan(16 * 2 * 12, 16 * 2 * 240, 3.2, 1.0, 200)),
        ("openverse", {"area": "공릉동,seongsu", "query": "a|b|"}, Plan(2 * 2 * 12, 2 * 2 * 240, 3.2, 1.0, 200)),
        ("commons", {"limit": "120"}, Plan(3, 120, 1.0, 0.5)),
        ("commons", {"query": "cafe|"}, Plan(200, 10_000, 1.0, 0.5)),
    ],
)
def test_plans(name, arguments, plan):
    own = {"cafes": "", "photos": "", "query": ""}
    assert planned(name, read_options({"contact": "a@example.org"} | arguments, own)) == plan


def test_hours_and_days_by_hand():
    assert Plan(100, 1000, 3.6, 1.8).hours == pytest.approx(0.6)
    assert Plan(401, 0, per_day=OpenverseSpider.daily_quota).days == 3
    assert Plan(401, 0).days == 1
