"""The coverage doctor: what a dance asks for that the subject's footage never showed, and what ails the footage."""

from dancedouble.coverage.check import CoverageReport, Uncovered, check_coverage
from dancedouble.coverage.footage import FootageFault, inspect_footage
from dancedouble.coverage.quality import QualityCurve, rank_correlation
from dancedouble.coverage.sheet import draw_contact_sheet

__all__ = [
    "CoverageReport",
    "FootageFault",
    "QualityCurve",
    "Uncovered",
    "check_coverage",
    "draw_contact_sheet",
    "inspect_footage",
    "rank_correlation",
]
