"""Queries find what is there, say what is there where they do not, and the tree is the same for the same program."""

import json

import pulumi
import pulumi_aws as aws
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate.errors import UsageError
from mlgate_testkit.record import UNKNOWN, Graph, Secret, record


class Group(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Group", name, None, opts)
        self.register_outputs({})


def buckets(*names: str) -> Graph:
    return record(lambda: [aws.s3.Bucket(name) for name in names] and None)


def test_one_takes_tokens_and_classes():
    graph = buckets("a", "b")
    assert graph.one(aws.s3.Bucket, "b") is graph.one("aws:s3/bucket:Bucket", "b")
    assert [resource.name for resource in graph.all(aws.s3.Bucket)] == ["a", "b"]


def test_a_wrong_type_names_the_nearest_one():
    with pytest.raises(UsageError, match=r"nearest is aws:s3/bucket:Bucket; there are: aws:s3/bucket:Bucket"):
        buckets("a").one("aws:s3:Bucket")


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(UsageError, match="no resource is aws:s3/bucket:Bucket logz") as caught:
        buckets("logs", "data").one(aws.s3.Bucket, "logz")
    assert "of this type there are: data, logs" in str(caught.value)


def test_more_than_one_is_said_with_their_places():
    with pytest.raises(UsageError, match="2 resources are aws:s3/bucket:Bucket: a ") as caught:
        buckets("a", "b").one(aws.s3.Bucket)
    assert "name one: graph.one('aws:s3/bucket:Bucket', 'a')" in str(caught.value)


def test_a_program_without_resources_says_so():
    with pytest.raises(UsageError, match="the program registers no resource at all"):
        record(lambda: None).one(aws.s3.Bucket)


def test_the_tree_is_a_golden_text():
    def program() -> None:
        group = Group("web")
        bucket = aws.s3.Bucket("site", tags={"Owner": "web", "a/b": "c"}, opts=pulumi.ResourceOptions(parent=group, protect=True))
        aws.s3.BucketObjectv2(
            "page", bucket=bucket.id, key="i", content=pulumi.Output.secret("x"), opts=pulumi.ResourceOptions(parent=group)
        )
        aws.s3.BucketObjectv2("file", bucket="b", key="f", source=pulumi.AssetArchive({"a": pulumi.StringAsset("abc")}))
        pulumi.export("sites", [{"arn": bucket.arn}])

    assert (
        record(program, project="shop", stack="prod").tree()
        == """\
stack shop/prod
  aws:s3/bucketObjectv2:BucketObjectv2 file
    . bucket = "b"
    . key = "f"
    . source = <archive of a>
  test:index:Group web
    aws:s3/bucket:Bucket site (protect)
      . tags.Owner = "web"
      . tags["a/b"] = "c"
    aws:s3/bucketObjectv2:BucketObjectv2 page (after web/site)
      . bucket = "<id of Bucket site>"
      . content = [secret]
      . key = "i"
  export sites[0].arn = "<arn of Bucket site>"
"""
    )
    assert ". bucket = <unknown>" in record(program, preview=True).tree()


def test_the_tree_shows_options_that_are_not_at_their_default():
    def program() -> None:
        west = aws.Provider("west")
        key = aws.kms.Key("key", opts=pulumi.ResourceOptions(provider=west, retain_on_delete=True))
        options = pulumi.ResourceOptions(
            ignore_changes=["tags"],
            import_="x-1",
            deleted_with=key,
            aliases=[pulumi.Alias(name="old")],
            custom_timeouts=pulumi.CustomTimeouts(create="5m"),
        )
        aws.s3.Bucket("b", opts=options)
        aws.s3.Bucket.get("old", "old-1")
        Group("g", pulumi.ResourceOptions(providers=[west]))

    lines = record(program).tree().splitlines()
    told = 'ignore changes tags; import x-1; deleted with key; aliases {"name": "old"}; timeouts create 5m'
    assert f"  aws:s3/bucket:Bucket b ({told})" in lines
    assert "  aws:kms/key:Key key (retain on delete; provider west)" in lines
    assert '  aws:s3/bucket:Bucket old (read "old-1")' in lines
    assert "  test:index:Group g (providers west)" in lines


@st.composite
def forests(draw):
    """Resources by number: the parent of each (an earlier group, or none), whether it is a group, and what it depends on."""
    size = draw(st.integers(1, 8))
    groups = [draw(st.booleans()) for _ in range(size)]
    parents = [draw(st.sampled_from([None, *(other for other in range(index) if groups[other])])) for index in range(size)]
    # Only what stands alone is depended upon, so that nothing waits for a group that it is in.
    plain = [[other for other in range(index) if not groups[other]] for index in range(size)]
    needs = [draw(st.sets(st.sampled_from(plain[index]))) if plain[index] else set() for index in range(size)]
    return groups, parents, needs


def planted(forest, order) -> Graph:
    groups, parents, needs = forest

    def program() -> None:
        made: dict[int, pulumi.Resource] = {}
        for index in order:
            parent = made[parents[index]] if parents[index] is not None else None
            options = pulumi.ResourceOptions(parent=parent, depends_on=[made[other] for other in sorted(needs[index])])
            made[index] = Group(f"g{index}", options) if groups[index] else aws.s3.Bucket(f"b{index}", opts=options)

    return record(program)


@settings(max_examples=50)
@given(forest=forests())
def test_any_tree_is_recorded_with_its_exact_parents_and_dependencies(forest):
    groups, parents, needs = forest
    graph = planted(forest, range(len(groups)))
    names = [("g" if group else "b") + str(index) for index, group in enumerate(groups)]
    found = {resource.name: resource for resource in graph.resources}
    for index, name in enumerate(names):
        parent = found[name].parent
        assert (parent.name if parent else None) == (names[parents[index]] if parents[index] is not None else None)
        assert {other.name for other in found[name].depends_on} == {names[other] for other in needs[index]}
        assert found[name].path.split("/")[-1] == name
        assert found[name].path.count("/") == len(found[name].ancestors)
    assert sorted(each.name for root in graph.roots for each in (root, *root.descendants)) == sorted(names)


@settings(max_examples=50)
@given(forest=forests(), data=st.data())
def test_the_tree_does_not_depend_on_the_order_of_registration(forest, data):
    groups, parents, needs = forest
    order: list[int] = []
    while len(order) < len(groups):
        ready = [
            index
            for index in range(len(groups))
            if index not in order and (parents[index] is None or parents[index] in order) and needs[index] <= set(order)
        ]
        order.append(data.draw(st.sampled_from(ready)))
    assert planted(forest, order).tree() == planted(forest, range(len(groups))).tree()


URN = "urn:pulumi:prod::shop::"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


def exported(**changes):
    """What `pulumi stack export` prints (engine 3.259), cut to what matters."""
    resources = [
        {"urn": f"{URN}pulumi:pulumi:Stack::shop-prod", "custom": False, "type": "pulumi:pulumi:Stack", "outputs": {"n": 3}},
        {"urn": f"{URN}pulumi:providers:aws::default_7_51_1", "custom": True, "type": "pulumi:providers:aws", "id": "1"},
        {
            "urn": f"{URN}test:index:Group::web",
            "custom": False,
            "type": "test:index:Group",
            "parent": f"{URN}pulumi:pulumi:Stack::shop-prod",
        },
        {
            "urn": f"{URN}test:index:Group$aws:rds/instance:Instance::db",
            "custom": True,
            "type": "aws:rds/instance:Instance",
            "id": "db-1",
            "parent": f"{URN}test:index:Group::web",
            "inputs": {"password": {**SECRET, **changes}, "__defaults": [], "size": 20.0},
            "outputs": {"arn": "arn:aws:rds:x"},
            "dependencies": [f"{URN}test:index:Group::web"],
            "propertyDependencies": {"size": []},
            "provider": f"{URN}pulumi:providers:aws::default_7_51_1::1",
            "protect": True,
            "customTimeouts": {"create": 300, "update": 0, "delete": 0},
            "ignoreChanges": ["tags"],
            "replaceOnChanges": ["size"],
            "resourceHooks": {"BeforeCreate": ["checked"], "OnError": ["told"]},
        },
        {"urn": f"{URN}aws:s3/bucket:Bucket::old", "custom": True, "type": "aws:s3/bucket:Bucket", "delete": True, "id": "old"},
    ]
    return {"version": 3, "deployment": {"resources": resources}}


def test_a_state_export_is_the_same_kind_of_graph():
    graph = Graph.from_state(exported(ciphertext="v1:abc"))
    database = graph.one("aws:rds/instance:Instance")
    assert (graph.project, graph.stack, graph.outputs) == ("shop", "prod", {"n": 3})
    assert (database.path, database.id, database.protect, database.provider) == ("web/db", "db-1", True, None)
    assert (database.inputs["size"], database.inputs["password"]) == (20, Secret(UNKNOWN))
    assert (database.depends_on, database.custom_timeouts) == ([graph.one("test:index:Group")], {"create": "300s"})
    assert (database.ignore_changes, database.replace_on_changes) == (("tags",), ("size",))
    assert database.hooks == {"before_create": ("checked",), "on_error": ("told",)}
    assert not graph.all("aws:s3/bucket:Bucket")
    assert "password = [secret]" in graph.tree()


def test_a_state_export_that_names_features_is_read_as_any_other():
    export = {**exported(ciphertext="v1:abc"), "version": 4, "features": ["hooks"]}
    assert Graph.from_state(export).tree() == Graph.from_state(exported(ciphertext="v1:abc")).tree()


def test_a_state_export_with_shown_secrets_keeps_them_marked():
    graph = Graph.from_state(exported(plaintext=json.dumps({"user": "x"})))
    assert graph.one("aws:rds/instance:Instance").inputs["password"] == Secret({"user": "x"})


@pytest.mark.parametrize("export", [{}, {"version": 2, "deployment": {}}, {"version": 3, "deployment": None}])
def test_what_is_no_state_export_is_refused(export):
    with pytest.raises(UsageError, match="no state export of version 3 or 4"):
        Graph.from_state(export)


def test_the_state_of_a_stack_without_resources_is_an_empty_graph():
    assert Graph.from_state({"version": 3, "deployment": {}}).resources == []
