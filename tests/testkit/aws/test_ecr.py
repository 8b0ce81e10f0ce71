"""Repositories of images."""

from __future__ import annotations

import json

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples import policy, repository, trust, untagged

REPOSITORY = "aws:ecr/repository:Repository"
POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"


def test_a_repository_with_images_is_deleted_only_by_force(cloud: Cloud) -> None:
    state = cloud.up(REPOSITORY, name="serving")
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [], "config": {}})
    cloud.boto("ecr").put_image(repositoryName="serving", imageManifest=manifest, imageTag="1")
    with pytest.raises(ProviderError, match="RepositoryNotEmptyException"):
        cloud.delete(REPOSITORY, state)
    cloud.delete(REPOSITORY, cloud.change(REPOSITORY, state, name="serving", forceDelete=True))
    assert cloud.refresh(REPOSITORY, state) is None


def test_a_repository_is_reached_by_its_url(cloud: Cloud) -> None:
    assert cloud.up(REPOSITORY, name="ml/serving").outputs["repositoryUrl"] == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/ml/serving"


@pytest.mark.parametrize("name", ["Serving", "a", "a//b", "-a-", "a__"])
def test_a_name_that_ecr_does_not_take_is_refused(cloud: Cloud, name: str) -> None:
    assert {failure.property for failure in cloud.check(REPOSITORY, name=name)} == {"name"}


def test_a_lifecycle_policy_off_the_grammar_is_refused(cloud: Cloud) -> None:
    wrong = json.loads(untagged(7))
    wrong["rules"][0]["selection"]["tagStatus"] = "old"
    found = repository(cloud)
    with pytest.raises(ProviderError, match="InvalidParameterException"):
        cloud.up("aws:ecr/lifecyclePolicy:LifecyclePolicy", **found, policy=json.dumps(wrong))


def test_a_repository_policy_names_no_resource(cloud: Cloud) -> None:
    found = repository(cloud)
    with pytest.raises(ProviderError, match="Has prohibited field Resource"):
        cloud.up(POLICY, **found, policy=policy("ecr:BatchGetImage", Principal="*"))


def test_a_repository_policy_names_principals_that_exist(cloud: Cloud) -> None:
    found, principal = repository(cloud), {"AWS": "arn:aws:iam::123456789012:role/trainer"}
    allowed = json.dumps({"Statement": {"Effect": "Allow", "Action": "ecr:BatchGetImage", "Principal": principal}})
    with pytest.raises(ProviderError, match="parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found'"):
        cloud.up(POLICY, **found, policy=allowed)
    cloud.up("aws:iam/role:Role", name="trainer", assumeRolePolicy=trust())
    assert cloud.up(POLICY, **found, policy=allowed).outputs["policy"] == allowed
