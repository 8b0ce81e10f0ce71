"""Programs of the tests. Each stands alone, as the testkit asks for, and needs no provider plugin: its resources are files."""

PROGRAM = """
def program():
    import pulumi
    pulumi.export("size", pulumi.Config().get("size"))
"""  # of a test file, as text


def boxes() -> None:
    """A component with a file for each name of the configuration; its resources are real, so a refresh and a destroy find them.

    Keys: `folder`, `names` (JSON list), `size`, `label` (forces a new one), `refused` (a name whose create fails), `password` (secret),
    `raise` (the program's own error).
    """
    from pathlib import Path
    from typing import Any

    import pulumi
    from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

    class Files(ResourceProvider):
        serialize_as_secret_always = False

        def create(self, props: dict[str, Any]) -> CreateResult:
            if props["name"] == props.get("refused"):
                raise RuntimeError(f"no room for {props['name']}")
            path = Path(props["folder"]) / f"{props['name']}-{props.get('label') or 'plain'}"
            path.write_text(str(props.get("size")))
            return CreateResult(str(path), {**props, "path": str(path)})

        def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
            changed = [key for key in news if key != "path" and olds.get(key) != news[key]]
            return DiffResult(bool(changed), [key for key in changed if key == "label"], [], delete_before_replace=False)

        def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
            path = Path(id_)
            return ReadResult(id_, {**props, "size": path.read_text()}) if path.exists() else ReadResult("", {})

        def update(self, id_: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
            Path(id_).write_text(str(news.get("size")))
            return UpdateResult({**news, "path": id_})

        def delete(self, id_: str, _props: dict[str, Any]) -> None:
            Path(id_).unlink(missing_ok=True)

    class Box(Resource, module="test", name="Box"):
        path: pulumi.Output[str]

    class Shelf(pulumi.ComponentResource):
        def __init__(self, name: str) -> None:
            super().__init__("test:index:Shelf", name)
            config = pulumi.Config()
            before: list[pulumi.Resource] = []
            for member in config.require_object("names"):
                given = {key: config.get(key) for key in ("folder", "size", "label", "refused")}
                given |= {"name": member, "password": config.get_secret("password"), "path": None}
                before = [Box(Files(), member, given, pulumi.ResourceOptions(parent=self, depends_on=before))]
            self.register_outputs({})

    Shelf("shelf")
    pulumi.export("password", pulumi.Config().get_secret("password"))
    pulumi.export("size", pulumi.Config().get("size"))
    if message := pulumi.Config().get("raise"):
        raise ValueError(message)


def simulated_boxes() -> None:
    """Boxes of the tests' simulated cloud, each depending on the one before.

    Keys: `names` (JSON list), `size`, `label` (forces a new one), `retain`, `protect`.

    `within`: each is deleted with the one before it; "component": each with a component.
    """
    import pulumi

    config = pulumi.Config()
    before: list[pulumi.Resource] = []
    for name in config.require_object("names"):
        given = {"number": None, "tags": {"size": config.get("size") or "1"}, "label": config.get("label") or "plain"}
        owner = before[0] if config.get("within") and before else None
        if config.get("within") == "component":
            owner = pulumi.ComponentResource("box:index:Room", name)
        opts = pulumi.ResourceOptions(
            depends_on=before, retain_on_delete=config.get_bool("retain"), deleted_with=owner, protect=config.get_bool("protect")
        )
        before = [pulumi.CustomResource("box:index:Box", name, given, opts)]
