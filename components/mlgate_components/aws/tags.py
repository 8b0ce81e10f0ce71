"""The tags that every resource of a component carries."""

from typing import NotRequired, TypedDict

__all__ = ["Tags", "handed_on", "tags_of"]


class Tags(TypedDict):
    """Who answers for a resource, and which environment it is of: what bills, budgets and policies go by."""

    environment: str
    """The environment, such as prod."""
    owner: str
    """The team that answers for it."""
    cost_center: NotRequired[str]
    """Whose budget it is paid from; not told unless said."""
    more: NotRequired[dict[str, str]]
    """Tags of your own; none unless said."""


def tags_of(tags: Tags, name: str) -> dict[str, str]:
    """The tags of the resource that is called `name`."""
    paid = {"cost-center": tags["cost_center"]} if "cost_center" in tags else {}
    own = {"Name": name, "environment": tags["environment"], "owner": tags["owner"], **paid, "managed-by": "mlgate"}
    return {**tags.get("more", {}), **own}


def handed_on(tags: Tags) -> dict[str, str]:
    """The tags that controllers give to what they make, so that it is billed and found as all else; each has a name of its own.

    Controllers take them as a list of key=value: what has a comma or an equals sign in it is left out.
    """
    return {key: value for key, value in tags_of(tags, "").items() if key != "Name" and not set(key + value) & set(",=")}
