"""The 16 areas of the 2021 study: a key to type, the name to search for, the middle of the area (WGS84)."""

from __future__ import annotations

from dataclasses import dataclass

from cafecrawl.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Area:
    """An area of Seoul."""

    key: str
    name: str
    lat: float
    lon: float


AREAS = {
    a.key: a
    for a in (
        Area("mangwon", "망원동", 37.5563, 126.9017),
        Area("yeonnam", "연남동", 37.5627, 126.9237),
        Area("euljiro", "을지로", 37.5663, 126.9920),
        Area("gangnam", "강남", 37.4979, 127.0276),
        Area("gongneung", "공릉동", 37.6257, 127.0730),
        Area("jongno", "종로", 37.5704, 126.9831),
        Area("hannam", "한남동", 37.5340, 127.0026),
        Area("hongdae", "홍대", 37.5563, 126.9236),
        Area("jamsil", "잠실", 37.5133, 127.1001),
        Area("seongsu", "성수역", 37.5446, 127.0559),
        Area("itaewon", "이태원", 37.5345, 126.9946),
        Area("anam", "안암", 37.5863, 127.0294),
        Area("sungshin", "성신여대", 37.5927, 127.0165),
        Area("hyehwa", "혜화", 37.5822, 127.0018),
        Area("apgujeong", "압구정", 37.5270, 127.0286),
        Area("gongdeok", "공덕역", 37.5443, 126.9516),
    )
}


def read_areas(text: str | None) -> tuple[Area, ...]:
    """The areas of `area=seongsu,공릉동` (keys or Korean names), all for `all`, none for nothing.

    Raises:
        ConfigError: An area is unknown.
    """
    if not text:
        return ()
    if text == "all":
        return tuple(AREAS.values())
    by_name = {a.name: a for a in AREAS.values()} | AREAS
    found = []
    for word in (w.strip() for w in text.split(",")):
        if word not in by_name:
            raise ConfigError(f"Unknown area {word!r}", where="area=", fix=f"use all, or some of {', '.join(AREAS)}")
        found.append(by_name[word])
    return tuple(found)
