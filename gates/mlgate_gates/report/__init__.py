"""The HTML report of a gate, made from its evidence folder."""

from mlgate_gates.report.page import REPORT_FILE, build_report, render_report

__all__ = ["REPORT_FILE", "build_report", "render_report"]
