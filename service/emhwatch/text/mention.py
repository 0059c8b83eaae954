"""A word for a mass in one sentence, and what kind of statement it is."""

from dataclasses import dataclass, field

from emhwatch.tables.readings import ReadingRules, Site
from emhwatch.text.assertion import Assertion
from emhwatch.text.scene import Hit, Scene, is_fact
from emhwatch.types import Experiencer, Section, Side, Temporality, Value

BESIDE = 2  #: words between two that stand together, at most


@dataclass(slots=True, eq=False)
class Mention:
    """A noun for a mass in one sentence."""

    scene: Scene
    hit: Hit
    value: Value
    assertion: Assertion
    noun: str
    noun_key: str
    sites: list[Site] = field(default_factory=list)
    regional: bool = False  #: some site was named, of class A or not
    elsewhere: bool = False  #: the site is none of policy 3.1
    side: Side | None = None
    levels: tuple[str, ...] = ()
    size: float | None = None
    many: bool = False
    count: int | None = None
    another: bool = False
    thoracic: bool = False
    low: bool = False
    mid: bool = False
    lumbar: bool = False
    whole: bool = False
    pointer: bool = False  #: "the mass", "it": names a mass that was named before
    group: int | None = None

    @property
    def site_class(self) -> str | None:
        """A1 when a part is of class A1."""
        classes = {site.site_class for site in self.sites}
        return "A1" if "A1" in classes else "A2" if "A2" in classes else None

    @property
    def section(self) -> Section:
        """Section of the sentence."""
        return self.scene.section


def counts(mention: Mention) -> bool:
    """Whether the mention states something about this patient's body now or before."""
    return (
        is_fact(mention.assertion)
        and mention.assertion.experiencer is Experiencer.PATIENT
        and mention.section not in (Section.OTHER, Section.TECHNIQUE)
    )


def denies_region(mention: Mention, rules: ReadingRules) -> bool:
    """Whether "no mass" speaks of the whole region: "no new mass" and "this mass is not" leave one that was named.

    A mediastinum that is "not widened" on a film says nothing about a mass beside the spine (policy 2.2).
    """
    noun = rules.nouns.get(mention.noun)
    if noun is not None and noun.value is None and all(site.site_class == "none" for site in mention.sites):
        return False
    words = [other for other in mention.scene.with_role("further") if other.start < mention.hit.start]
    return mention.regional and not mention.pointer and all(word.gap(mention.hit) > BESIDE for word in words)


def is_past(mention: Mention) -> bool:
    """Told as past, or only in the request or among earlier studies."""
    return mention.assertion.temporality is Temporality.HISTORICAL or mention.section in (
        Section.REQUEST,
        Section.COMPARISON,
    )
