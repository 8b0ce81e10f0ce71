import shutil

import pytest

from mlgate import DeclarationError, EvidenceError, LedgerError, RefusedError, Release, UsageError, Verdict
from mlgate_components.local.arms import read_arms, require_allowed
from mlgate_components.local.config import ServiceConfig
from mlgate_components.local.store import store


@pytest.fixture
def arms(environment, tmp_path):
    """Reads the arms of `toy` as configured and asks whether they may have their traffic."""

    def read(**config):
        found = read_arms(environment, tmp_path, "toy", ServiceConfig(declaration="service.yaml", **config))
        require_allowed(environment, "toy", found)
        return found

    return read


def test_a_candidate_without_weight_needs_no_evidence(arms, packed):
    found = arms(candidate=str(packed("1")))
    assert found.stable is None
    assert found.candidate.release.version == "1"


def test_a_candidate_with_weight_and_no_evidence_is_refused(arms, packed):
    with pytest.raises(RefusedError, match="never gated"):
        arms(candidate=str(packed("1")), weight=1)


def test_a_refusal_carries_the_exit_code_of_the_verdict(arms, packed, gated):
    gated(packed("1"), Verdict.FAIL)
    with pytest.raises(RefusedError) as raised:
        arms(candidate=str(packed("1")), weight=1)
    assert raised.value.exit_code == 10


def test_a_pass_without_its_promotion_opens_no_traffic(arms, packed, gated):
    gated(packed("1"))
    with pytest.raises(RefusedError, match="not promoted"):
        arms(candidate=str(packed("1")), weight=1)


def test_a_stable_that_was_never_promoted_is_refused_with_the_command_that_takes_it_away(arms, environment, packed, gated, declare):
    folder = packed("1")
    gated(folder)
    store(environment, folder, declare())
    with pytest.raises(LedgerError, match="no release was ever promoted") as raised:
        arms(stable=Release.read(folder).digest)
    assert "pulumi config rm --path 'mlgate:services.toy.stable'" in raised.value.remedy


def test_a_promoted_release_may_be_stable_with_a_candidate_beside_it(arms, packed, promoted):
    stable = promoted(packed("1"))
    found = arms(stable=stable, candidate=str(packed("2")))
    assert (found.stable.release.digest, found.candidate.release.version) == (stable, "2")


def test_stable_keeps_the_configuration_it_was_promoted_with_when_the_declaration_is_edited(arms, packed, promoted, declare):
    stable = promoted(packed("1"))
    other = packed("2")
    declare(workers=4)
    found = arms(stable=stable, candidate=str(other))
    assert found.stable.declared.serving.workers == 1
    assert found.candidate.declared.serving.workers == 4
    assert found.stable.configuration != found.candidate.configuration


def test_a_stable_served_by_another_declaration_than_was_promoted_is_refused(arms, environment, packed, promoted, declare):
    stable = promoted(packed("1"))
    (declaration,) = environment.release_folder(stable).glob("service-*.yaml")
    declaration.write_text(declare(workers=4).read_text())
    with pytest.raises(RefusedError, match="promoted with configuration"):
        arms(stable=stable)


def test_a_former_release_tried_in_another_configuration_still_comes_back_in_the_one_it_was_promoted_with(
    arms, environment, packed, promoted, declare
):
    folder = packed("1")
    store(environment, folder, declare(workers=4))
    stable = promoted(folder)
    store(environment, folder, declare(workers=2))
    assert arms(stable=stable).stable.declared.serving.workers == 1


def test_a_former_stable_with_a_weight_is_refused_with_the_command_that_takes_the_weight_away(arms, packed, promoted):
    former, stable = promoted(packed("1")), promoted(packed("2"))
    assert arms(stable=stable, candidate=former).weight == 0
    with pytest.raises(LedgerError, match="weight is 50") as raised:
        arms(stable=stable, candidate=former, weight=50)
    assert "pulumi config set --path 'mlgate:services.toy.weight' 0" in raised.value.remedy


@pytest.mark.parametrize("former_is_named", [True, False])
def test_a_stable_other_than_the_last_promoted_is_refused_with_the_command_that_restores_it(arms, packed, promoted, former_is_named):
    former = promoted(packed("1"))
    stable = promoted(packed("2"))
    with pytest.raises(LedgerError) as raised:
        arms(stable=former if former_is_named else None)
    assert f"pulumi config set --path 'mlgate:services.toy.stable' {stable}" in raised.value.remedy


def test_the_restoring_command_also_takes_a_weight_and_the_promoted_candidate_away(arms, packed, promoted):
    former = promoted(packed("1"))
    stable = promoted(packed("2"))
    with pytest.raises(LedgerError) as raised:
        arms(stable=former, candidate=stable, weight=5)
    assert "pulumi config set --path 'mlgate:services.toy.weight' 0" in raised.value.remedy
    assert "pulumi config rm --path 'mlgate:services.toy.candidate'" in raised.value.remedy


def test_altered_evidence_closes_the_traffic(arms, environment, packed, promoted):
    stable = promoted(packed("1"))
    (statement,) = environment.evidence.glob("*/evidence.json")
    statement.write_text(statement.read_text().replace("payload", "paYload", 1))
    with pytest.raises(RefusedError):
        arms(stable=stable)


def test_a_weight_without_a_candidate_is_refused(arms):
    with pytest.raises(UsageError, match="no candidate"):
        arms(weight=5)


def test_a_candidate_that_is_stable_already_is_refused(arms, packed, promoted):
    stable = promoted(packed("1"))
    with pytest.raises(UsageError, match="both"):
        arms(stable=stable, candidate=stable)


def test_a_declaration_of_another_service_is_refused(environment, tmp_path, packed):
    with pytest.raises(UsageError, match="declares service toy"):
        read_arms(environment, tmp_path, "digits", ServiceConfig(declaration="service.yaml", candidate=str(packed("1"))))


def test_a_digest_that_is_not_in_the_store_is_named_with_what_to_do(arms, environment, packed):
    digest = Release.read(packed("1")).digest
    with pytest.raises(EvidenceError, match=f"no release here where release {digest} should be") as raised:
        arms(candidate=digest)
    assert raised.value.where == str(environment.release_folder(digest))


def test_another_release_in_its_place_is_not_taken_for_it(arms, environment, packed, promoted):
    stable, other = promoted(packed("1")), Release.read(packed("2")).digest
    shutil.rmtree(environment.release_folder(stable))
    shutil.copytree(packed("2"), environment.release_folder(stable))
    with pytest.raises(EvidenceError, match=f"{other} is where release {stable} should be"):
        arms(stable=stable)


def test_without_a_declaration_stable_is_served_and_a_candidate_refused_with_the_command_that_names_one(
    environment, tmp_path, packed, promoted
):
    stable = promoted(packed("1"))
    assert read_arms(environment, tmp_path, "toy", ServiceConfig(stable=stable)).stable.release.digest == stable
    with pytest.raises(UsageError, match="no declaration to serve it by") as raised:
        read_arms(environment, tmp_path, "toy", ServiceConfig(stable=stable, candidate=str(packed("2"))))
    assert raised.value.remedy == "pulumi config set --path 'mlgate:services.toy.declaration' FILE"


def test_a_missing_declaration_is_named(environment, tmp_path, packed):
    config = ServiceConfig(declaration="nothing.yaml", candidate=str(packed("1")))
    with pytest.raises(DeclarationError, match=r"nothing\.yaml"):
        read_arms(environment, tmp_path, "toy", config)
