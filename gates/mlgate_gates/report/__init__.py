"""The HTML report of a gate, made from its evidence folder."""

from mlgate_gates.report.page import build_report

__all__ = ["build_report"]
