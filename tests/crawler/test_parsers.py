"""Parsers: each shape of page gives the same items, personal data is dropped, the unknown is never "no results"."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cafecrawl.errors import ConfigError, LayoutChanged
from cafecrawl.items import Place
from cafecrawl.parsers import TryLater, commons, naver_photos, naver_search, openverse, overpass

PRIVATE = ("김리뷰", "reviewer-77", "https://phinf.example/face.jpg", "정말 좋아요")
CAFES = [Place("1234567890", "카페 공릉", "서울특별시 노원구 동일로 1", "공릉동", 37.625, 127.073)]


def dumped(value) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


CLASSIC_ROW = {
    "id": "s1234567890",
    "name": "<b>카페</b> 공릉",
    "roadAddress": "서울특별시 노원구 동일로 1",
    "address": "공릉동 1-1",
    "x": "127.0730000",
    "y": "37.6250000",
    "tel": "02-000-0000",
}
STREAM_ROW = {
    "id": 1234567890,
    "name": "카페 공릉",
    "category": "카페",
    "address": "공릉동 1-1",
    "roadAddress": "서울특별시 노원구 동일로 1",
    "latitude": 37.625,
    "longitude": 127.073,
    "review": {"author": PRIVATE[0], "text": PRIVATE[3]},
}
CLASSIC_DATA = json.dumps({"site": {"list": [CLASSIC_ROW]}}, ensure_ascii=False)
CLASSIC = (
    f"<script>requirejs(['search'], function(search){{ var searchResult = {CLASSIC_DATA} ; search(); }});</script>"
)
STREAM_DATA = json.dumps({"queries": [{"data": {"items": [STREAM_ROW], "cursor": 0}}]}, ensure_ascii=False).replace(
    '"cursor": 0', '"cursor": undefined'
)
STREAM = f"<script>window.__RQ_STREAMING_STATE__.push({STREAM_DATA});window.__RQ_STREAMING_CALLBACK__()</script>"
MORE = {"result": {"site": {"page": 1, "list": [CLASSIC_ROW, CLASSIC_ROW]}}}


@pytest.mark.parametrize("page", [CLASSIC, STREAM, STREAM + CLASSIC], ids=["classic", "stream", "both"])
def test_both_generations_of_the_search_page_give_the_same_cafes(page):
    assert list(naver_search.parse_page(page.encode(), "공릉동").places) == CAFES


def test_bare_links_are_the_last_resort():
    page = b'<a class="a_item" data-cid="s11"></a><a data-cid="12"></a><a data-cid="s11"></a>'
    assert [p.cafe_id for p in naver_search.parse_page(page).places] == ["11", "12"]
    page = b'<a href="https://m.place.naver.com/restaurant/77/home">'
    assert [p.cafe_id for p in naver_search.parse_page(page).places] == ["77"]


def test_search_more_strips_the_prefix_letter_and_goes_on():
    page = naver_search.parse_more(dumped(MORE), "공릉동")
    assert list(page.places) == CAFES
    assert page.next == {"page": 2}


def test_search_more_without_site_means_no_hit():
    assert naver_search.parse_more(dumped({"result": {"metaInfo": {}}})).places == ()


@pytest.mark.parametrize(
    ("parse", "body"),
    [
        (naver_search.parse_page, b"<html><body>a new design</body></html>"),
        (naver_search.parse_more, b"<html>captcha</html>"),
        (naver_search.parse_more, b'{"result": {"site": {"rows": []}}}'),
        (naver_search.parse_more, b'{"items": []}'),
        (naver_search.parse_more, dumped({"result": {"site": {"list": [{"id": "x", "name": "n"}]}}})),
        (lambda b: naver_photos.parse_viewer(b, "1"), b'[{"errors": [{"message": "CE_BAD_REQUEST"}]}]'),
        (lambda b: naver_photos.parse_viewer(b, "1"), b'[{"data": {"photoViewer": {"items": []}}}]'),
        (lambda b: naver_photos.parse_page(b, "1"), b"<html></html>"),
        (openverse.parse_page, b'{"detail": "not here"}'),
        (openverse.parse_page, b'{"results": []}'),
        (commons.parse_page, b'{"parse": {}}'),
        (commons.parse_page, b"[]"),
        (overpass.parse_page, b'{"remark": "runtime error"}'),
    ],
)
def test_an_unknown_page_is_a_changed_layout_and_never_no_results(parse, body):
    with pytest.raises(LayoutChanged, match="have changed") as caught:
        parse(body)
    assert caught.value.exit_code == 6
    assert "Error" not in str(caught.value.why)
    assert "goes on from there" in str(caught.value)


def photo(url: str, title: str = "내부", **more) -> dict:
    row = {"viewId": "v", "originalUrl": url, "title": title, "photoType": "ibu", "relation": "업체", "width": "1600"}
    private = {"author": {"nickname": PRIVATE[0], "id": PRIVATE[1], "imageUrl": PRIVATE[2]}, "text": PRIVATE[3]}
    return row | private | more


VIEWER = [
    {
        "data": {
            "photoViewer": {
                "cursors": [
                    {"id": "biz", "startIndex": 1, "hasNext": False, "lastCursor": None},
                    {"id": "aiView", "startIndex": 1, "hasNext": True, "lastCursor": "41"},
                ],
                "photos": [
                    photo("https://ldb-phinf.pstatic.net/20240101_1/a.jpg"),
                    photo("https://ldb-phinf.pstatic.net/20240101_1/menu.jpg", "메뉴"),
                    photo(
                        "https://search.pstatic.net/common/?src=https%3A%2F%2Fldb-phinf.pstatic.net%2F20240101_1%2Fa.jpg&type=f"
                    ),
                    photo("https://blogfiles.naver.net/b.jpg#800x600", photoType="visitor"),
                ],
            }
        }
    },
    {"data": {"photoTabFilters": {"tabFilters": [{"item": "AI View"}]}}},
]


def test_the_viewer_keeps_interiors_once_and_passes_on_open_cursors():
    page = naver_photos.parse_viewer(dumped(VIEWER), "1")
    assert [p.url for p in page.photos] == [
        "https://ldb-phinf.pstatic.net/20240101_1/a.jpg",
        "https://blogfiles.naver.net/b.jpg",
    ]
    assert page.next == {"cursors": [{"id": "aiView", "lastCursor": "41"}]}


def test_the_photo_page_unwraps_the_proxy():
    page = (
        '<img class="K0PDV _div" src="https://search.pstatic.net/common/?autoRotate=true&amp;type=w560'
        '&amp;src=https%3A%2F%2Fldb-phinf.pstatic.net%2Fa.jpg" alt="내부">'
        f'<script>window.__APOLLO_STATE__ = {{"author": "{PRIVATE[0]}"}};</script>'
    )
    found = naver_photos.parse_page(page.encode(), "1")
    assert [p.url for p in found.photos] == ["https://ldb-phinf.pstatic.net/a.jpg"]


def test_reviewers_never_reach_an_item():
    items = repr(naver_photos.parse_viewer(dumped(VIEWER), "1")) + repr(naver_search.parse_page(STREAM.encode()))
    assert all(word in dumped([VIEWER, STREAM]).decode() for word in PRIVATE[:1])
    assert not any(word in items for word in PRIVATE)


def test_the_viewer_is_asked_for_open_cursors_only():
    asked = json.loads(naver_photos.viewer_request("7", [{"id": "aiView", "lastCursor": "41"}]))
    assert asked[0]["variables"]["input"]["cursors"] == [{"id": "aiView", "lastCursor": "41"}]
    assert {c["id"] for c in json.loads(naver_photos.viewer_request("7"))[0]["variables"]["input"]["cursors"]} == set(
        naver_photos.CURSORS
    )


def openverse_row(**more) -> dict:
    row = {
        "id": "6d1c",
        "title": "Cafe interior, Seongsu",
        "foreign_landing_url": "https://www.flickr.com/photos/u/1",
        "url": "https://live.staticflickr.com/1/1_b.jpg",
        "creator": "A",
        "creator_url": "https://www.flickr.com/people/a",
        "license": "by-sa",
        "license_version": "2.0",
        "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
        "attribution": '"Cafe interior" by A is licensed under CC BY-SA 2.0.',
        "mature": False,
    }
    return row | more


def openverse_page(*rows, page=1, pages=12) -> bytes:
    return dumped({"result_count": 240, "page_count": pages, "page_size": 20, "page": page, "results": list(rows)})


def test_openverse_rows_carry_licence_and_attribution():
    page = openverse.parse_page(openverse_page(openverse_row(), openverse_row(license="secret"), openverse_row(url="")))
    (found,) = page.photos
    assert (found.licence, found.creator) == ("CC BY-SA 2.0", "A")
    assert found.attribution == '"Cafe interior" by A is licensed under CC BY-SA 2.0.'
    assert page.n_left_out == 2


@pytest.mark.parametrize(("page", "pages", "following"), [(1, 12, {"page": 2}), (12, 50, None), (3, 3, None)])
def test_openverse_stops_at_the_depth_that_is_free(page, pages, following):
    assert openverse.parse_page(openverse_page(openverse_row(), page=page, pages=pages)).next == following


def test_openverse_results_marked_sensitive_are_left_out():
    assert not openverse.parse_page(openverse_page(openverse_row(mature=True))).photos


def commons_page(info: dict, **more) -> bytes:
    page = {"pageid": 5, "ns": 6, "title": "File:카페 내부.jpg", "index": 1, "imageinfo": [info]}
    return dumped({"continue": {"gsroffset": 50, "continue": "gsroffset||"}, "query": {"pages": [page]}} | more)


def commons_info(licence="cc-by-sa-4.0", **more) -> dict:
    facts = {
        "License": {"value": licence},
        "LicenseUrl": {"value": "https://creativecommons.org/licenses/by-sa/4.0"},
        "Artist": {"value": '<a href="//commons.wikimedia.org/wiki/User:U">U &amp; V</a>'},
        "Restrictions": {"value": ""},
        "GPSLatitude": {"value": "37.54"},
    }
    info = {
        "user": "U",
        "width": 4000,
        "height": 3000,
        "thumburl": "https://upload.wikimedia.org/1280px-C.jpg",
        "thumbwidth": 1280,
        "url": "https://upload.wikimedia.org/C.jpg",
        "descriptionurl": "https://commons.wikimedia.org/wiki/File:C.jpg",
        "sha1": "da39",
        "mime": "image/jpeg",
        "extmetadata": facts,
    }
    return info | more


def test_commons_strips_html_and_merges_the_whole_continue():
    page = commons.parse_page(commons_page(commons_info()))
    (found,) = page.photos
    assert found.creator == "U & V"
    assert found.licence == "CC BY-SA 4.0"
    assert found.attribution == "“카페 내부” by U & V, CC BY-SA 4.0"
    assert page.next == {"gsroffset": 50, "continue": "gsroffset||"}
    assert page.places[0].lat == 37.54


def test_a_commons_thumbnail_has_no_sha1_and_an_original_has():
    assert commons.parse_page(commons_page(commons_info())).photos[0].sha1 is None
    original = commons.parse_page(commons_page(commons_info(thumbwidth=4000))).photos[0]
    assert (original.sha1, original.url) == ("da39", "https://upload.wikimedia.org/C.jpg")


@pytest.mark.parametrize(
    "info",
    [commons_info("fair use"), commons_info(mime="image/svg+xml"), {"filemissing": True}, commons_info("gfdl")],
    ids=["fair use", "svg", "missing", "gfdl"],
)
def test_commons_leaves_out_what_is_no_free_photo(info):
    page = commons.parse_page(commons_page(info))
    assert (page.photos, page.n_left_out) == ((), 1)


def test_commons_errors_come_with_200():
    with pytest.raises(TryLater):
        commons.parse_page(dumped({"error": {"code": "maxlag", "info": "Waiting for a server"}}))
    with pytest.raises(ConfigError, match="Wikimedia Commons refuses the request"):
        commons.parse_page(dumped({"error": {"code": "invalidcategory", "info": "no such category"}}))


def test_overpass_lists_nodes_and_ways():
    node = {"type": "node", "id": 1, "lat": 37.5, "lon": 127.0, "tags": {"name": "Cafe", "name:ko": "카페 ☕"}}
    way = {"type": "way", "id": 2, "center": {"lat": 37.6, "lon": 127.1}, "tags": {"addr:street": "동일로"}}
    places = overpass.parse_page(dumped({"elements": [node, way, {"remark": "x"}]}), "공릉동").places
    assert places[0] == Place("osm:node/1", "카페 ☕", None, "공릉동", 37.5, 127.0)
    assert places[1] == Place("osm:way/2", None, "동일로", "공릉동", 37.6, 127.1)


ALL = [
    naver_search.parse_page,
    naver_search.parse_more,
    lambda b: naver_photos.parse_viewer(b, "1"),
    lambda b: naver_photos.parse_page(b, "1"),
    openverse.parse_page,
    commons.parse_page,
    overpass.parse_page,
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["result", "site", "list", "results", "query", "pages", "data", "photoViewer", "photos", "id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=200) | JSON.map(dumped) | JSON.map(lambda v: b"var searchResult = " + dumped(v)))
def test_any_bytes_give_a_page_or_a_crawl_error(body):
    for parse in ALL:
        with contextlib.suppress(LayoutChanged, ConfigError, TryLater):
            parse(body)
