"""What goes wrong in a cluster that nobody's process died of."""

from __future__ import annotations

from mlgate.errors import MlgateError


class ClusterError(MlgateError):
    """The API server refused an object, or what was waited for did not come about; the message says what was seen last."""


class RefusedError(ClusterError):
    """The API server answered, and the answer is no."""
