"""How to get what the base install leaves out.

mlgate is in no package index, so a remedy never says `pip install mlgate`: whoever claims that name there is a stranger.
"""

from __future__ import annotations


def install_remedy(extras: str, *, anew: bool = False) -> str:
    """The command that installs `extras` ("serving" or "serving,infra"); `anew` where what is installed is damaged."""
    return f"in a clone of mlgate: pip install {'--force-reinstall ' if anew else ''}'.[{extras}]'"
