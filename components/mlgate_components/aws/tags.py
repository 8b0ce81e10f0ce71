"""The tags that every resource of a component carries."""

from typing import NotRequired, TypedDict

__all__ = ["Tags", "tags_of"]


class Tags(TypedDict):
    """Who answers for a resource, and which environment it is of: what bills, budgets and policies go by."""

    environment: str
    """The environment, such as prod."""
    owner: str
    """The team that answers for it."""
    cost_center: NotRequired[str]
    """Whose budget it is paid from."""
    more: NotRequired[dict[str, str]]
    """Tags of your own."""


def tags_of(tags: Tags, name: str) -> dict[str, str]:
    """The tags of the resource that is called `name`."""
    paid = {"cost-center": tags["cost_center"]} if "cost_center" in tags else {}
    own = {"Name": name, "environment": tags["environment"], "owner": tags["owner"], **paid, "managed-by": "mlgate"}
    return {**tags.get("more", {}), **own}
