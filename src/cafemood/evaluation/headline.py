"""Headline of a verdict: may these groups be used, and for what, in at most three short sentences without figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cafemood.evaluation.findings import Finding, Level

Both = tuple[str, str]
"""A sentence in English and in Korean."""


@dataclass(frozen=True)
class Headline:
    """What a verdict comes to.

    Attributes:
        code: `yes`, `with-care`, `first-look`, `untested`, `unstable`, `noise`, `no-cafes`, `no-groups` or `unknown`.
        level: As of a finding: `good`, `warn`, `bad` or `info`.
        sentences: The answer, then at most two more, each in English and Korean.
    """

    code: str
    level: Level
    sentences: tuple[Both, ...]

    @property
    def english(self) -> list[str]:
        """The sentences in English; the first is the answer."""
        return [english for english, _ in self.sentences]

    @property
    def korean(self) -> list[str]:
        """The same in Korean."""
        return [korean for _, korean in self.sentences]


def headline(
    findings: Iterable[Finding], k: int, names: Mapping[int, Both] | None = None, *, of_cafes: bool = False
) -> Headline:
    """Put a verdict into words that need no statistics, what is good first.

    Args:
        findings: The verdict.
        k: Groups.
        names: Names of groups (from 0), English and Korean; those without one are called by their number.
        of_cafes: Whether cafés were grouped, and not photos.
    """
    said: dict[str, Finding] = {}
    for finding in findings:
        said.setdefault(finding.code, finding)
        if finding.code.startswith("noise"):  # of each space
            said.setdefault(f"{finding.code} {finding.figures.get('score')}", finding)
    units = _units(said, of_cafes=of_cafes)
    return (
        _no_groups(said, k)
        or _no_cafes(said)
        or _noise(said)
        or _unstable(said, units)
        or _usable(said, k, names or {}, units, of_cafes=of_cafes)
    )


def _units(said: Mapping[str, Finding], *, of_cafes: bool) -> Both:
    """What was drawn again in refits."""
    drawn = next((f.figures["unit"] for f in said.values() if "unit" in f.figures), "cafés" if of_cafes else "photos")
    return ("cafés", "카페") if drawn == "cafés" else ("photos", "사진")


def _no_groups(said: Mapping[str, Finding], k: int) -> Headline | None:
    if "collapsed" in said:
        n = said["collapsed"].figures["clusters_in_use"]
        what = (f"Only {n} of {k} groups hold any photo.", f"{k}개 가운데 {n}개 그룹에만 사진이 있습니다.")
        return Headline("no-groups", "bad", (_NO_GROUPS, what, _ASK_FOR_FEWER))
    if "silhouette-undefined" in said:
        return Headline("no-groups", "bad", (_NO_GROUPS, _ONE_OR_EACH))
    return None


def _no_cafes(said: Mapping[str, Finding]) -> Headline | None:
    if "cafe-groups-fail" in said:
        return Headline("no-cafes", "bad", (_NO_CAFES, _OTHER_HALF, _MORE_A_CAFE))
    if "cafe-space-fails" in said:
        return Headline("no-cafes", "bad", (_NO_CAFES, _NOT_FOR_OTHERS, _NO_REDUCTION))
    return None


def _noise(said: Mapping[str, Finding]) -> Headline | None:
    noise = said.get("noise-not-beaten")
    if noise is None or "noise-beaten silhouette@features" in said:  # of one space only: a caution
        return None
    again = _SAME_YET if "stable" in said else _AS_NEAT
    return Headline("noise", "bad", (_NO_MEANING, again, _LOOK_AND_TRY))


def _unstable(said: Mapping[str, Finding], units: Both) -> Headline | None:
    if "unstable" not in said:
        return None
    more = "noise-beaten" in said
    english = f"one turns up again when only part of the {units[0]} is sorted."
    english = f"They are better than noise, but n{english}" if more else f"N{english}"
    korean = f"{'노이즈보다는 낫지만, ' if more else ''}{units[1]} 일부로 다시 나누면 같은 그룹이 나오지 않습니다."
    return Headline("unstable", "bad", (_NOT_YET, (english, korean), _BROWSE_AND_ADD))


def _usable(said: Mapping[str, Finding], k: int, names: Mapping[int, Both], units: Both, *, of_cafes: bool) -> Headline:
    use = next((_USES[code] for code in _USES if code in said), _BROWSE)
    beaten, tested = "noise-beaten" in said, bool(said.keys() & _TESTED)
    grounds, caution = _grounds(said, k, units, beaten=beaten), _caution(said, names)
    if not said or "" in said or grounds is None:
        return Headline("unknown", "info", (_UNKNOWN,))
    if "few-photos" in said:
        n = f"{said['few-photos'].figures['n_photos']:,}"
        english, korean = ("cafés", "카페") if of_cafes else ("photos", "사진")
        answer = (
            f"Yes, as a first look: {n} {english} are few.",
            f"첫 둘러보기로는 좋습니다: {korean} {n}개는 적습니다.",
        )
        return Headline("first-look", "warn", _there(answer, grounds, caution))
    if not (beaten and tested):
        answer = (f"Yes, as a first look: {use[0]}.", f"첫 둘러보기로는 좋습니다: {use[1]}.")
        return Headline("untested", "info", _there(answer, grounds, caution or (_UNTRIED if beaten else _NO_NULL)))
    if said.keys() & _WITH_CARE or caution is not None:
        answer = (f"Yes, with care: {use[0]}.", f"조심해서 쓰세요: {use[1]}.")
        return Headline("with-care", "warn", _there(answer, grounds, caution))
    return Headline("yes", "good", _there((f"Yes: {use[0]}.", f"예: {use[1]}."), grounds))


def _there(*sentences: Both | None) -> tuple[Both, ...]:
    return tuple(sentence for sentence in sentences if sentence is not None)


def _grounds(said: Mapping[str, Finding], k: int, units: Both, *, beaten: bool) -> Both | None:
    """What speaks for the groups: better than noise, and how many come back."""
    if not said.keys() & _TESTED:
        return _BETTER_THAN_NOISE if beaten else None
    n = k - len(said["moods-unstable"].figures.get("clusters", []) if "moods-unstable" in said else [])
    english = f"all {k} turn up again" if n == k else f"{n} of {k} turn up again"
    korean = f"{k}개 모두" if n == k else f"{k}개 가운데 {n}개가"
    if "partly-stable" in said:
        english, korean = f"{english}, blurred,", f"{k}개가 대체로"
    english += f" when only part of the {units[0]} is sorted."
    korean = f"{units[1]} 일부로 다시 나누어도 {korean} 다시 나옵니다."
    if beaten:
        return f"They are better than noise, and {english}", f"노이즈보다 뚜렷하고, {korean}"
    return english[0].upper() + english[1:], korean


def _caution(said: Mapping[str, Finding], names: Mapping[int, Both]) -> Both | None:
    """The one thing to mind first."""
    if "noise-not-beaten" in said:
        return _OWN_SPACE
    if "moods-unstable" in said and (weak := said["moods-unstable"].figures.get("clusters")):
        english, korean = _named(weak, names)
        one = len(weak) == 1
        return (
            f"Don’t build on {english}: {'it does' if one else 'they do'} not.",
            f"{korean}에는 기대지 마세요: 다시 나오지 않습니다.",
        )
    if "moods-merge" in said:
        english, korean = _named(said["moods-merge"].figures["clusters"], names)
        return f"Read {english} as one: they keep falling together.", f"{korean}은(는) 하나로 보세요: 늘 함께 묶입니다."
    if "one-cafe-cluster" in said:
        english, korean = _named([said["one-cafe-cluster"].figures["cluster"]], names)
        return f"{english[0].upper()}{english[1:]} is mostly one café.", f"{korean}은(는) 거의 한 카페입니다."
    return next((sentence for code, sentence in _CAUTIONS.items() if code in said), None)


def _named(groups: Sequence[int], names: Mapping[int, Both]) -> Both:
    """Some groups in words: `“dark wood”, mood 3 and mood 4`."""
    calls = [names.get(j, (f"mood {j + 1}", f"무드 {j + 1}")) for j in groups]
    english = [f"“{name}”" if j in names else name for j, (name, _) in zip(groups, calls, strict=True)]
    korean = [f"‘{name}’" if j in names else name for j, (_, name) in zip(groups, calls, strict=True)]
    return " and ".join(filter(None, (", ".join(english[:-1]), english[-1]))), ", ".join(korean)


_TESTED = {"stable", "partly-stable", "moods-unstable"}
_WITH_CARE = {"moods-unstable", "moods-merge", "partly-stable", "follows-content", "noise-not-beaten"}
_NO_GROUPS = ("No: the photos did not fall into groups.", "아니요: 사진이 그룹으로 나뉘지 않았습니다.")
_ASK_FOR_FEWER = ("Ask for fewer groups (a smaller k).", "그룹 수(k)를 줄여 보세요.")
_ONE_OR_EACH = (
    "All of them are one group, or each is its own: choose another k.",
    "모두 한 그룹이거나 저마다 한 그룹입니다: k를 바꾸어 보세요.",
)
_NO_CAFES = ("No: these groups say little about cafés.", "아니요: 이 그룹으로는 카페를 말하기 어렵습니다.")
_OTHER_HALF = (
    "Half of a café’s photos often puts it into another group than the other half.",
    "한 카페의 사진을 반으로 나누면 서로 다른 그룹에 들어가곤 합니다.",
)
_MORE_A_CAFE = (
    "More photos of each café, or fewer groups, may help.",
    "카페마다 사진을 늘리거나 그룹 수를 줄여 보세요.",
)
_NOT_FOR_OTHERS = (
    "What was learnt from these cafés does not hold for other cafés.",
    "이 카페들에서 배운 것이 다른 카페에는 맞지 않습니다.",
)
_NO_REDUCTION = ("Try again with reduce=none.", "reduce=none으로 다시 해 보세요.")
_NO_MEANING = ("No: don’t read a meaning into these groups.", "아니요: 이 그룹에서 뜻을 읽지 마세요.")
_AS_NEAT = (
    "They are no better than noise: photos with nothing in common can be sorted just as neatly.",
    "노이즈와 다르지 않습니다: 공통점이 없는 사진도 이만큼은 나뉩니다.",
)
_SAME_YET = (
    "They turn up each time, but are no better than noise: photos with nothing in common sort just as neatly.",
    "다시 해도 같은 그룹이 나오지만 노이즈와 다르지 않습니다: 공통점이 없는 사진도 이만큼은 나뉩니다.",
)
_LOOK_AND_TRY = (
    "Use them to look through the photos; then try more photos, another k or another backbone.",
    "둘러보는 데에만 쓰고, 사진을 늘리거나 k나 backbone을 바꾸어 보세요.",
)
_NOT_YET = ("Not yet: other photos would give other groups.", "아직 아닙니다: 사진이 달라지면 그룹도 달라집니다.")
_BROWSE_AND_ADD = (
    "Use them to look through the photos; then add photos, or ask for fewer groups.",
    "둘러보는 데에만 쓰고, 사진을 늘리거나 그룹 수를 줄여 보세요.",
)
_UNKNOWN = (
    "How far to trust these groups was not measured: make the run again.",
    "이 그룹을 얼마나 믿을 수 있는지 재지 않았습니다: 다시 실행해 보세요.",
)
_BETTER_THAN_NOISE = ("They are better than noise.", "노이즈보다 뚜렷합니다.")
_UNTRIED = (
    "Whether they would turn up again was not tested: see Details.",
    "다시 나오는지는 시험하지 않았습니다: Details에 까닭이 있습니다.",
)
_NO_NULL = (
    "Whether they are better than noise was not tested: nulls=20 tests it.",
    "노이즈보다 뚜렷한지는 시험하지 않았습니다: nulls=20으로 시험할 수 있습니다.",
)
_OWN_SPACE = (
    "But in the reduced space that they were made in, they are no better than noise.",
    "다만 그룹을 만든 축소 공간에서는 노이즈와 다르지 않습니다.",
)
_BROWSE = ("use them to sort and describe the photos", "사진을 나누고 설명하는 데 쓰세요")
_USES: dict[str, Both] = {
    "groups-cafes": ("use them to sort and compare the cafés", "카페를 나누고 비교하는 데 쓰세요"),
    "follows-cafes": ("use them to compare the cafés", "카페를 비교하는 데 쓰세요"),
    "follows-content": (
        "use them to sort pictures by what they show, not cafés by mood",
        "카페의 분위기가 아니라 찍힌 것에 따라 사진을 나누는 데 쓰세요",
    ),
}
"""What groups are good for, by the finding that says what they follow."""
_CAUTIONS: dict[str, Both] = {
    "cafe-groups-weak": (
        "Take the group of a café with few photos as a guess.",
        "사진이 적은 카페의 그룹은 짐작입니다.",
    ),
    "one-camera": (
        "Mind that some of it may be the camera or the hour.",
        "일부는 카메라나 시간대의 차이일 수 있습니다.",
    ),
    "loses-to-kmeans": (
        "A plain k-means does better here: method=kmeans.",
        "여기서는 단순한 k-means가 낫습니다: method=kmeans.",
    ),
    "outlier-cluster": ("The smallest group is an outlier, not a mood.", "가장 작은 그룹은 무드가 아니라 예외입니다."),
    "groups-overlap": ("Many photos would suit two of them.", "두 그룹에 다 어울리는 사진이 많습니다."),
}
"""Cautions that are told where nothing graver is to be said, in this order."""
