"""Report text from whatever carries it: attachments of any format, and all carriers of one report joined."""

from emhwatch.carrier.attachment import read_attachment
from emhwatch.carrier.part import TextPart
from emhwatch.carrier.report import Missing, ReportTexts, report_text
from emhwatch.carrier.result import CarrierText, Limits, Reason

__all__ = [
    "CarrierText",
    "Limits",
    "Missing",
    "Reason",
    "ReportTexts",
    "TextPart",
    "read_attachment",
    "report_text",
]
