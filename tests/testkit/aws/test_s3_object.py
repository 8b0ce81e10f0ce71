"""Objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlgate_testkit.provider.provider import ProviderError
from mlgate_testkit.provider.values import UNKNOWN, Archive, Asset

from .cloud import Cloud
from .samples import bucket, versioned

OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"


def test_an_object_is_called_as_in_the_program(cloud: Cloud) -> None:
    state = cloud.up(OBJECT, "index.html", **bucket(cloud), content="<html>")
    assert (state.id, state.outputs["key"]) == ("models/index.html", "index.html")
    assert cloud.diff(OBJECT, state, "about.html", bucket="models", content="<html>").replace == {"key"}


def test_new_content_is_a_new_version(cloud: Cloud) -> None:
    state = cloud.up(OBJECT, "a", **versioned(cloud), content="one")
    expected = cloud.change(OBJECT, state, "a", preview=True, bucket="models", content="two").outputs
    assert expected["versionId"] is expected["etag"] is UNKNOWN
    after = cloud.change(OBJECT, state, "a", bucket="models", content="two")
    assert after.outputs["versionId"] != state.outputs["versionId"]
    assert (
        cloud.change(OBJECT, after, "a", preview=True, bucket="models", content="two", tags={"x": "y"}).outputs["versionId"]
        == (after.outputs["versionId"])
    )


def test_a_file_is_what_it_holds_wherever_it_lies(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"weights")
    state = cloud.up(OBJECT, "a", **bucket(cloud), source=Asset(path=str(tmp_path / "a"), hash="1"))
    assert cloud.boto("s3").get_object(Bucket="models", Key="a")["Body"].read() == b"weights"
    assert cloud.diff(OBJECT, state, "a", bucket="models", source=Asset(path="/elsewhere/a", hash="1")).changed == {}
    assert set(cloud.diff(OBJECT, state, "a", bucket="models", source=Asset(path=str(tmp_path / "a"), hash="2")).changed) == {"source"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Asset(path="/nowhere/weights"), r"opening S3 object source \(/nowhere/weights\)"),
        (Archive(assets={"a": Asset(text="a")}), "is not simulated: give the path of an archive file"),
    ],
)
def test_a_source_that_cannot_be_read_is_named(cloud: Cloud, source: Asset | Archive, said: str) -> None:
    arguments = bucket(cloud)
    with pytest.raises(ProviderError, match=said):
        cloud.up(OBJECT, "a", **arguments, source=source)


def test_an_object_has_one_body_and_at_most_ten_tags(cloud: Cloud) -> None:
    (both,) = cloud.check(OBJECT, "a", bucket="models", content="a", contentBase64="YQ==")
    assert (both.property, "conflicts with content" in both.reason) == ("contentBase64", True)
    (tags,) = cloud.check(OBJECT, "a", bucket="models", tags={str(number): "x" for number in range(11)})
    assert "at most 10" in tags.reason
    (code,) = cloud.check(OBJECT, "a", bucket="models", contentBase64="~")
    assert "no base64" in code.reason
