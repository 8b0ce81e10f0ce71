"""For how long CloudWatch Logs can keep what is logged. Apart from `platform`, whose models components need not load."""

from __future__ import annotations

__all__ = ["LOG_DAYS"]

# CloudWatch Logs API reference, PutRetentionPolicy; 0, for ever, is left out: nobody would ever look at it, and all would pay.
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
