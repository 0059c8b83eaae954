"""What a site decides and the policy leaves open; the defaults are those of the policy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions:
    """Site configuration of an evaluation."""

    timezone: str = "UTC"  #: IANA name; a day is a calendar day there (policy 2.7)
    hemoglobin_tetramer: bool = False  #: the laboratory's mmol/L counts tetramers, not monomers (policy 4.3)
    hemoglobin_shift_g_per_l: float = 0.0  #: added to every Hb limit, for example for altitude (policy 4.3)
    security_labels: tuple[str, ...] = ()  #: confidentiality codes that may be used besides N, L, M, U
