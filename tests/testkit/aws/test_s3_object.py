"""Objects."""

from __future__ import annotations

import hashlib
import subprocess
import sys
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


def test_a_relative_path_is_found_where_the_engine_runs_if_it_holds_what_the_engine_read(cloud: Cloud, tmp_path: Path) -> None:
    folder, decoy = tmp_path / "program", tmp_path / "other"
    for each, content in ((decoy, b"other"), (folder, b"weights")):
        each.mkdir()
        (each / "a").write_bytes(content)
    arguments = bucket(cloud)
    # Engines are children of whoever started the provider's process; here that is played by a process of our own.
    script = (
        "import os, subprocess, sys\n"
        "from mlgate_testkit.aws.files import located\n"
        "from mlgate_testkit.provider.values import Asset\n"
        "print(located(Asset(path='a', hash=sys.argv[1])))\n"
    )
    starter = (
        "import subprocess, sys\n"
        "held = [subprocess.Popen(['sleep', '60'], cwd=each) for each in sys.argv[3:]]\n"
        "print(subprocess.run([sys.executable, '-c', sys.argv[1], sys.argv[2]], capture_output=True, text=True, check=True).stdout)\n"
        "[each.kill() for each in held]\n"
        "[each.wait() for each in held]\n"
    )
    digest = hashlib.sha256(b"weights").hexdigest()
    found = subprocess.run(
        [sys.executable, "-c", starter, script, digest, str(decoy), str(folder)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert found.stdout.strip() == str(folder / "a")
    with pytest.raises(ProviderError, match="opening S3 object source"):
        cloud.up(OBJECT, "a", **arguments, source=Asset(path="no/such/a", hash=digest))


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
