"""The window of photos on their way: nothing twice, nothing whose licence may not be kept."""

from crawler_helpers import add_photos, found

from cafecrawl.items import Page
from cafecrawl.photo_window import PhotoWindow


def test_photos_come_once_in_the_order_they_were_listed(store):
    add_photos(store, found(3))
    window = PhotoWindow(store.ledger, "naver", lambda licence: True)
    rows = [window.next()["id"] for _ in range(3)]
    assert rows == sorted(window.on_the_way)
    assert window.next() is None
    window.settle(rows[0])
    assert window.on_the_way == set(rows[1:])


def test_a_licence_that_is_not_accepted_is_rejected_and_passed_over(store):
    add_photos(store, found(2))
    window = PhotoWindow(store.ledger, "naver", lambda licence: False)
    assert window.next() is None
    assert store.ledger.counts()["rejected"] == 2


def test_the_end_is_looked_at_again_when_a_page_was_stored(store):
    window = PhotoWindow(store.ledger, "naver", lambda licence: True)
    assert not window.has_more()
    page = found(1)
    add_photos(store, Page(page.places, page.photos))
    assert not window.has_more()
    window.look_again()
    assert window.has_more()
