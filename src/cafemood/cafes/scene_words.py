"""Scenes of Places365 in Korean."""

from __future__ import annotations

KOREAN_SCENES = {
    "art_gallery": "미술관", "art_studio": "화실", "bakery/shop": "빵집", "balcony/interior": "실내 발코니",
    "banquet_hall": "연회장", "bar": "바", "basement": "지하실", "beauty_salon": "미용실",
    "beer_garden": "비어 가든", "beer_hall": "맥줏집", "bedroom": "침실", "bookstore": "서점",
    "botanical_garden": "식물원", "bow_window/indoor": "내닫이창", "cafeteria": "구내식당",
    "candy_store": "사탕 가게", "coffee_shop": "커피숍", "conference_room": "회의실", "courtyard": "안뜰",
    "delicatessen": "델리", "dining_hall": "식당 홀", "dining_room": "식당",
    "fastfood_restaurant": "패스트푸드점", "florist_shop/indoor": "꽃집", "food_court": "푸드코트",
    "gift_shop": "선물 가게", "greenhouse/indoor": "온실", "home_office": "서재", "hotel_room": "객실",
    "ice_cream_parlor": "아이스크림 가게", "kitchen": "주방", "library/indoor": "도서관", "living_room": "거실",
    "lobby": "로비", "museum/indoor": "박물관", "office": "사무실", "patio": "파티오", "pizzeria": "피자집",
    "porch": "현관", "pub/indoor": "펍", "reception": "안내대", "restaurant": "레스토랑",
    "restaurant_kitchen": "레스토랑 주방", "restaurant_patio": "야외석", "roof_garden": "옥상 정원",
    "shopfront": "가게 앞", "sushi_bar": "초밥집", "television_room": "텔레비전 방", "waiting_room": "대기실",
    "wet_bar": "홈 바", "youth_hostel": "호스텔",
}  # fmt: skip
"""The scenes that cafés meet; the others keep their English name."""
