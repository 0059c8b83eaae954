"""Levels, sides, sizes and counts in a range of tokens."""

from emhwatch.tables.text import Language
from emhwatch.tables.words import TIMES
from emhwatch.types import Side

_ORDER = tuple(f"{letter}{n}" for letter, last in (("C", 7), ("T", 12), ("L", 5), ("S", 5)) for n in range(1, last + 1))
_PLACE = {name: place for place, name in enumerate(_ORDER)}
_LETTERS = {"c": "C", "t": "T", "d": "T", "th": "T", "l": "L", "s": "S"}
_LIMITS = {"C": 7, "T": 12, "L": 5, "S": 5}
_DASHES = frozenset(("-", "/"))


def level_of(word: str) -> str | None:
    """The vertebra that a token names ("d9" is T9), else None."""
    if len(word) < 2 or not word[-1].isdigit():
        return None
    letters = word.rstrip("0123456789")
    name = _LETTERS.get(letters)
    if name is None:
        return None
    number = word[len(letters) :]
    if len(number) > 2 or not 1 <= int(number) <= _LIMITS[name]:
        return None
    return f"{name}{int(number)}"


def levels_in(language: Language, words: list[str], start: int, end: int) -> tuple[tuple[str, ...], list[int]]:
    """Vertebral levels of a token range in order, ranges filled; and the tokens that name them."""
    named: list[tuple[int, int, str]] = []  # first token, end token, level
    at = start
    while at < end:
        word = words[at]
        opens = word[-1].isdigit() or word in _LETTERS or word in language.ordinals or word in language.level_regions
        found = _named(language, words, at, end, named) if opens else None
        if found is None:
            at += 1
        else:
            named.append((at, *found))
            at = found[0]
    sure = [item for item in named if not _is_sequence(language, words, named, item, start, end)]
    levels: set[str] = set()
    for index, (first, stop, level) in enumerate(sure):
        levels.add(level)
        # "T5 and T9" are two levels, "between T5 and T9" are five.
        spanned = not language.lists["between"].isdisjoint(words[max(start, first - 4) : first])
        following = sure[index + 1][0] if index + 1 < len(sure) else end
        if following < end and (_is_range(language, words, stop, following) or (spanned and following - stop <= 4)):
            low, high = sorted((_PLACE[level], _PLACE[sure[index + 1][2]]))
            levels.update(_ORDER[low : high + 1])
    return tuple(sorted(levels, key=_PLACE.__getitem__)), [first for first, _, _ in sure]


def _named(
    language: Language, words: list[str], at: int, end: int, before: list[tuple[int, int, str]]
) -> tuple[int, str] | None:
    """A level that begins at token `at` as (end token, level)."""
    word = words[at]
    level = level_of(word)
    if level is not None:
        return at + 1, level
    following = words[at + 1] if at + 1 < end else ""
    if word in _LETTERS and following.isdigit() and len(following) <= 2 and word not in language.open_ends:
        level = level_of(word + following)
        return (at + 2, level) if level else None
    if word.isdigit() and len(word) <= 2 and before and at - before[-1][1] <= 1 and words[at - 1] in (*_DASHES, ","):
        level = level_of(before[-1][2][0].lower() + word)  # "T9-12", "T9, 10"
        if level and before[-1][1] == at - 1 and _PLACE[level] > _PLACE[before[-1][2]]:
            return at + 1, level
    if (ordinal := _ordinal(language, words, at, end)) is not None and (
        found := _by_ordinal(language, words, at, end, ordinal, before)
    ):
        return found
    if word in language.level_regions and following:
        place = at + 2 if following in language.level_words and at + 2 < end else at + 1
        if place < end and words[place].isdigit() and len(words[place]) <= 2:
            level = level_of(language.level_regions[word].lower() + words[place])
            return (place + 1, level) if level else None
    return None


def _ordinal(language: Language, words: list[str], at: int, end: int) -> tuple[int, int] | None:
    """A number in order that begins at token `at` ("fifth", "5th"), and the token after it."""
    word = words[at]
    if word in language.ordinals:
        return language.ordinals[word], at + 1
    if word.isdigit() and len(word) <= 2 and at + 1 < end and words[at + 1] in language.lists["ordinal_endings"]:
        return int(word), at + 2
    return None


def _by_ordinal(
    language: Language,
    words: list[str],
    at: int,
    end: int,
    ordinal: tuple[int, int],
    before: list[tuple[int, int, str]],
) -> tuple[int, str] | None:
    """A level that is counted: "ninth dorsal", "fifth to 11th thoracic vertebra"."""
    number, after = ordinal
    if after >= end:
        return None
    region = language.level_regions.get(words[after])
    if region is None and after + 1 < end and words[after] in language.level_words:
        region = language.level_regions.get(words[after + 1])
    if region is not None and 1 <= number <= _LIMITS[region]:
        return after + 1, f"{region}{number}"
    if region is None and before and _is_range(language, words, before[-1][1], at):
        last = before[-1][2]
        return after, f"{last[0]}{number}" if number <= _LIMITS[last[0]] else last
    if region is None and (region := _region_ahead(language, words, after, end)) and number <= _LIMITS[region]:
        return after, f"{region}{number}"
    return None


def _region_ahead(language: Language, words: list[str], at: int, end: int) -> str | None:
    """Region named after a second ordinal: "ninth to eleventh thoracic"."""
    for place in range(at, min(at + 4, end)):
        if (ordinal := _ordinal(language, words, place, end)) is not None:
            after = words[ordinal[1] : min(ordinal[1] + 2, end)]
            return next((language.level_regions[word] for word in after if word in language.level_regions), None)
    return None


def _is_range(language: Language, words: list[str], start: int, end: int) -> bool:
    between = words[start:end]
    return 0 < len(between) <= 4 and any(word in _DASHES or word in language.range_words for word in between)


def _is_sequence(
    language: Language,
    words: list[str],
    named: list[tuple[int, int, str]],
    item: tuple[int, int, str],
    start: int,
    end: int,
) -> bool:
    """Whether "T1" or "T2" is an MRI weighting here, not a vertebra."""
    first, stop, level = item
    if level not in ("T1", "T2") or words[first][0] != "t":
        return False
    if stop < end and words[stop] in language.level_words:
        return False
    others = [other for other in named if other[2] not in ("T1", "T2") and other[2][0] in "TCL"]
    ranged = language.range_words | language.level_words | set(_DASHES)
    for other in others:
        between = words[other[1] : first] if other[1] <= first else words[stop : other[0]]
        if between and ranged.issuperset(between):
            return False
    if _is_weighted(language, words, first, stop, start, end):
        return True
    if any(
        o[2] in ("T1", "T2") and 0 < first - o[1] <= 2 and _is_sequence(language, words, named, o, start, end)
        for o in named
    ):
        return True  # "in T1 and in T2"
    if any(abs(other[0] - first) <= 3 for other in others):
        return False
    nearby = words[max(start, first - 4) : min(end, stop + 4)]
    if any(word in language.sequence_words for word in nearby):
        return True
    return not any(word in language.level_words for word in words[max(start, first - 3) : first])


def _is_weighted(language: Language, words: list[str], first: int, stop: int, start: int, end: int) -> bool:
    """Whether a word of signals or sequences stands beside it: "T1 hyperintense", "bright on T1"."""
    if stop < end and words[stop] in language.sequence_words:
        return True
    before = first - 1 if first > start and words[first - 1] not in language.lists["weighting"] else first - 2
    return before >= start and words[before] in language.sequence_words


def size_in(language: Language, words: list[str], start: int, end: int) -> list[tuple[int, float]]:
    """Sizes as (token of the unit, largest diameter in mm)."""
    sizes = []
    for at in range(start, end):
        factor = language.lengths.get(words[at])
        if factor is None or at == start or not words[at - 1][0].isdecimal():
            continue
        largest, place = 0.0, at - 1
        while place >= start:
            if words[place][0].isdecimal():
                largest = max(largest, float(words[place].replace(",", ".")))
            elif (
                words[place] != TIMES
                and words[place] not in language.size_words
                and words[place] not in language.lengths
            ):
                break
            place -= 1
        if 0 < largest * factor < 1000:
            sizes.append((at, round(largest * factor, 1)))
    return sizes


def merge_sides(sides: list[Side]) -> Side | None:
    """One side for several mentions."""
    found = set(sides)
    if Side.BILATERAL in found or {Side.LEFT, Side.RIGHT} <= found:
        return Side.BILATERAL
    for side in (Side.LEFT, Side.RIGHT, Side.MIDLINE):
        if side in found:
            return side
    return None


def overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two level sets share or touch a level; unknown levels overlap with all."""
    if not one or not other:
        return True
    first, second = [_PLACE[x] for x in one], [_PLACE[x] for x in other]
    return min(first) <= max(second) + 1 and min(second) <= max(first) + 1


def union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Levels of both in order."""
    return tuple(sorted({*one, *other}, key=_PLACE.__getitem__))


def part_of(levels: tuple[str, ...], first: str, last: str) -> bool:
    """Whether any level lies from `first` to `last`."""
    return any(_PLACE[first] <= _PLACE[level] <= _PLACE[last] for level in levels)
