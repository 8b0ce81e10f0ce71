"""The provider as a language host starts it, and its launcher."""

import sys

try:
    from mlgate_components.provider import serve
except ImportError as missing:
    sys.exit(
        f"pulumi-resource-mlgate: {missing} in {sys.executable}, the first python3 on PATH\n"
        "  -> activate the environment in which mlgate[aws] is installed, then run the same command again"
    )
serve()
