"""Rating scales for the ambiance of one photo, in Korean and English: a question and both ends.

Coherence, fascination and hominess are the three components of how people respond to interiors in Coburn et al.,
"Psychological and neural responses to architectural interiors", Cortex 126 (2020) 217-241
(https://doi.org/10.1016/j.cortex.2020.01.009). The others are the dimensions of ambiance of Santani and Gatica-Perez,
"Loud and Trendy: Crowdsourcing Impressions of Social Ambiance in Popular Indoor Urban Places", ACM Multimedia 2015
(https://doi.org/10.1145/2733373.2806277), after Graham and Gosling, "Can the Ambiance of a Place be Determined by the
User Profiles of the People Who Visit It?", ICWSM 2011: nine of the thirteen, worded as questions by us. The last four
are what people look for in a café.
"""

from __future__ import annotations

SCALES: dict[str, dict[str, tuple[str, str, str]]] = {
    "coherence": {
        "ko": ("이 공간은 얼마나 정돈되어 보이나요?", "어수선해요", "잘 정돈됐어요"),
        "en": ("How orderly does this place look?", "messy", "well ordered"),
    },
    "fascination": {
        "ko": ("이 공간은 얼마나 눈길을 끄나요?", "볼 것이 없어요", "더 둘러보고 싶어요"),
        "en": ("How much would you like to look around here?", "nothing to see", "I would like to explore it"),
    },
    "hominess": {
        "ko": ("이 공간은 내 집처럼 편안해 보이나요?", "낯설어요", "집처럼 편안해요"),
        "en": ("How much does this place feel like home?", "strange to me", "like home"),
    },
    "artsy": {
        "ko": ("이 공간은 얼마나 예술적인가요?", "평범해요", "예술적이에요"),
        "en": ("How artsy is this place?", "plain", "artsy"),
    },
    "bohemian": {
        "ko": ("이 공간은 얼마나 자유분방해 보이나요?", "틀에 맞아요", "자유분방해요"),
        "en": ("How bohemian is this place?", "conventional", "bohemian"),
    },
    "dingy": {
        "ko": ("이 공간은 얼마나 깨끗해 보이나요?", "깨끗해요", "우중충해요"),
        "en": ("How clean or dingy is this place?", "clean", "dingy"),
    },
    "formal": {
        "ko": ("이 공간은 얼마나 격식 있어 보이나요?", "편한 차림이 어울려요", "격식 있어요"),
        "en": ("How formal is this place?", "casual", "formal"),
    },
    "loud": {
        "ko": ("이 공간은 얼마나 시끄러울 것 같나요?", "조용해요", "시끄러워요"),
        "en": ("How loud would you expect this place to be?", "quiet", "loud"),
    },
    "old_fashioned": {
        "ko": ("이 공간은 얼마나 옛날 느낌이 나나요?", "새로워요", "옛날 느낌이에요"),
        "en": ("How old-fashioned is this place?", "modern", "old-fashioned"),
    },
    "romantic": {
        "ko": ("이 공간은 얼마나 로맨틱한가요?", "로맨틱하지 않아요", "로맨틱해요"),
        "en": ("How romantic is this place?", "not romantic", "romantic"),
    },
    "trendy": {
        "ko": ("이 공간은 얼마나 요즘 유행에 맞나요?", "유행과 상관없어요", "아주 트렌디해요"),
        "en": ("How trendy is this place?", "not trendy", "trendy"),
    },
    "upscale": {
        "ko": ("이 공간은 얼마나 고급스러운가요?", "소박해요", "고급스러워요"),
        "en": ("How upscale is this place?", "simple", "upscale"),
    },
    "cozy": {
        "ko": ("이 공간은 얼마나 아늑한가요?", "휑해요", "아늑해요"),
        "en": ("How cozy is this place?", "bare", "cozy"),
    },
    "lively": {
        "ko": ("이 공간은 얼마나 활기찬가요?", "차분해요", "활기차요"),
        "en": ("How lively is this place?", "calm", "lively"),
    },
    "to_work": {
        "ko": ("여기에서 공부하거나 일하기 좋을까요?", "좋지 않아요", "아주 좋아요"),
        "en": ("Would this be a good place to study or work?", "not at all", "very good"),
    },
    "to_talk": {
        "ko": ("여기에서 친구와 이야기하기 좋을까요?", "좋지 않아요", "아주 좋아요"),
        "en": ("Would this be a good place to talk with a friend?", "not at all", "very good"),
    },
}
"""By name: question, lower and upper end in each language. A rating goes from 1, the lower end, up."""

COBURN = ("coherence", "fascination", "hominess")
"""The scales that are asked where none are named."""

ENDS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "coherence": (("messy", "어수선한"), ("well ordered", "정돈된")),
    "fascination": (("little to see", "볼거리가 적은"), ("much to see", "볼거리가 많은")),
    "hominess": (("unlike home", "집 같지 않은"), ("like home", "집 같은")),
    "artsy": (("plain", "평범한"), ("artsy", "예술적인")),
    "bohemian": (("conventional", "틀에 맞는"), ("bohemian", "자유분방한")),
    "dingy": (("clean", "깨끗한"), ("dingy", "우중충한")),
    "formal": (("casual", "격식 없는"), ("formal", "격식 있는")),
    "loud": (("quiet", "조용한"), ("loud", "시끌벅적한")),
    "old_fashioned": (("modern", "새로운 느낌의"), ("old-fashioned", "옛날 느낌의")),
    "romantic": (("unromantic", "로맨틱하지 않은"), ("romantic", "로맨틱한")),
    "trendy": (("not trendy", "유행과 먼"), ("trendy", "트렌디한")),
    "upscale": (("simple", "소박한"), ("upscale", "고급스러운")),
    "cozy": (("bare", "휑한"), ("cozy", "아늑한")),
    "lively": (("calm", "차분한 분위기의"), ("lively", "활기찬")),
    "to_work": (("not for work", "공부하기 어려운"), ("good for work", "공부하기 좋은")),
    "to_talk": (("not for talking", "대화하기 어려운"), ("good for talking", "대화하기 좋은")),
}
"""How a café at the lower and at the upper end of a scale is called, in English and Korean."""
