"""Approvals: who may sign one, what is never believed, and how one is made."""

import json
import sys

import pytest

from mlgate import Environment, EvidenceError, UsageError
from mlgate.digests import digest_bytes
from mlgate_cli.main import app
from mlgate_delivery.approval import Approval, approvals_of, approve, read_approval, read_approvals
from mlgate_evidence.claims import STATEMENT_TYPE
from mlgate_evidence.envelope import seal
from mlgate_evidence.signer import KeyFileSigner, make_key
from mlgate_evidence.trust import Trust, ensure_local_trust

NOW, HOUR = 10**18, 3600 * 10**9
URN = "urn:pulumi:local::mlgate::aws:s3/bucket:Bucket::old"


@pytest.fixture
def place(tmp_path):
    environment = Environment(name="local", home=tmp_path / "home" / "local")
    ensure_local_trust(environment)
    return environment


@pytest.fixture
def signer(place):
    return KeyFileSigner(place.signing_key)


@pytest.fixture
def approved(place, signer):
    """Approves as asked; gives the file."""
    given = {"urn": URN, "id": "old-1", "operation": "delete", "reason": "it is empty", "by": "ada", "lasts_ns": HOUR}
    return lambda **other: approve(place, signer, clock=lambda: NOW, **{**given, **other})


def statement(**predicate):
    """A statement as `approve` makes it, with other claims."""
    said = {"stack": "local", "id": "old-1", "operation": "delete", "reason": "r", "by": "ada", "signed_ns": NOW, "expires_ns": NOW + HOUR}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": URN, "digest": {"sha256": digest_bytes(URN.encode()).removeprefix("sha256:")}}],
        "predicateType": "https://mlgate.dev/approval/v1",
        "predicate": {**said, **predicate},
    }


def never(line):
    raise AssertionError(line)


def test_what_was_approved_is_read_back_whole(place, signer, approved):
    path = approved()
    assert path.parent == approvals_of(place) == place.home / "approvals"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    expected = Approval("local", URN, "old-1", "delete", "it is empty", "ada", NOW, NOW + HOUR, signer.keyid)
    assert read_approvals(place, never) == [expected]
    assert expected.void("old-1", NOW) == ""


def test_it_holds_until_it_expires_and_a_later_one_takes_its_place(place, approved):
    approved()
    approved(lasts_ns=2 * HOUR)
    (found,) = read_approvals(place, never)
    assert found.expires_ns == NOW + 2 * HOUR
    assert found.void("old-1", found.expires_ns - 1) == ""
    assert found.void("old-1", found.expires_ns) == "the approval by ada has expired"
    approved(operation="replace")
    approved(urn=f"{URN}er", lasts_ns=1)
    assert len(read_approvals(place, never)) == 3


def test_no_approvals_are_none(place):
    assert read_approvals(place, never) == []


@pytest.mark.parametrize(
    ("other", "problem", "remedy"),
    [
        (
            {"urn": "urn:pulumi:prod::mlgate::a:b:C::x"},
            "'urn:pulumi:prod::mlgate::a:b:C::x' is no resource of the stack local",
            "copy the URN from the refusal",
        ),
        ({"urn": "old"}, "'old' is no resource of the stack local", "copy the URN from the refusal"),
        ({"operation": "update"}, "operation 'update' needs no approval", "give one of replace, delete"),
        ({"reason": "  "}, "there is no reason", "say in a sentence why the resource may go"),
        ({"by": ""}, "nobody is named", "say who approves"),
        ({"lasts_ns": 0}, "it would have expired already", "say how long it lasts, such as 1 h"),
    ],
)
def test_an_approval_that_means_nothing_is_not_signed(place, approved, other, problem, remedy):
    with pytest.raises(UsageError) as raised:
        approved(**other)
    assert (raised.value.problem, raised.value.where, raised.value.remedy) == (problem, "approval", remedy)
    assert not approvals_of(place).exists()


def test_a_stranger_approves_nothing(place, approved, tmp_path):
    stranger = make_key(tmp_path / "stranger.pem")
    with pytest.raises(EvidenceError, match=f"^{place.home}/approvals/[0-9a-f]{{12}}-delete.json: signed by a key that nobody here trusts"):
        approve(place, stranger, urn=URN, id="old-1", operation="delete", reason="r", by="eve", lasts_ns=HOUR)
    assert not approvals_of(place).exists()


def test_a_key_of_another_environment_approves_nothing(place, signer, tmp_path):
    other = make_key(tmp_path / "other.pem")
    key = place.trust.read_text().replace("environments: [local]", "environments: [prod]")
    second = key.partition("keys:\n")[2].replace("local-gate", "other").replace(signer.keyid, other.keyid)
    place.trust.write_text(key + second.replace(indented(signer.public_pem), indented(other.public_pem)))
    sealed = [json.loads(seal(statement(), each)) for each in (signer, other)]
    twice = {**sealed[0], "signatures": [each["signatures"][0] for each in sealed]}
    with pytest.raises(EvidenceError) as raised:
        read_approval(json.dumps(twice).encode(), Trust.read(place.trust), "local")
    assert raised.value.problem == "signed by local-gate, other, which may not sign for local"
    assert (raised.value.where, raised.value.remedy) == ("approval.json", "have it approved by whoever may in local")


def indented(pem):
    return "".join(f"      {line}\n" for line in pem.splitlines())


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        pytest.param({**statement(), "predicateType": "https://mlgate.dev/gate/v1"}, r"no approval \(predicateType: ", id="evidence"),
        pytest.param({**statement(), "_type": "x"}, r"no approval \(_type: ", id="no statement"),
        pytest.param(statement(operation="update"), r"no approval \(predicate\.operation: ", id="another operation"),
        pytest.param(statement(reason=""), r"no approval \(predicate\.reason: ", id="no reason"),
        pytest.param(statement(id=None), r"no approval \(predicate\.id: ", id="of whatever is there"),
        pytest.param(statement(by=""), r"no approval \(predicate\.by: ", id="nobody"),
        pytest.param(statement(expires_ns=None), r"no approval \(predicate\.expires_ns: ", id="no end"),
        pytest.param(statement(expires_ns=str(NOW)), r"no approval \(predicate\.expires_ns: ", id="a time that is none"),
        pytest.param(statement(signed_ns=-1), r"no approval \(predicate\.signed_ns: ", id="signed before all time"),
        pytest.param(statement(expires_ns=-1), r"no approval \(predicate\.expires_ns: ", id="ended before all time"),
        pytest.param(statement(unless="it is full"), r"no approval \(predicate\.unless: ", id="with a condition"),
        pytest.param({**statement(), "subject": []}, r"no approval \(subject: ", id="about nothing"),
        pytest.param({**statement(), "subject": statement()["subject"] * 2}, r"no approval \(subject: ", id="about two"),
        pytest.param({key: value for key, value in statement().items() if key != "subject"}, r"no approval \(subject: ", id="no subject"),
        pytest.param(statement(stack="prod"), f"approves {URN} in prod, not in local", id="of another stack"),
        pytest.param(
            {**statement(), "subject": [{"name": f"{URN}er", "digest": statement()["subject"][0]["digest"]}]},
            f"approves {URN}er in local",
            id="another digest",
        ),
    ],
)
def test_what_was_signed_and_is_no_approval_is_not_taken_for_one(place, signer, said, problem):
    with pytest.raises(EvidenceError, match=problem) as raised:
        read_approval(seal(said, signer), Trust.read(place.trust), "local", where="a.json")
    assert (raised.value.where, raised.value.remedy) == ("a.json", "have it approved again: mlgate approve")


def test_of_another_stack_by_its_resource_alone(place, signer):
    foreign = "urn:pulumi:prod::mlgate::a:b:C::x"
    said = statement()
    said["subject"] = [{"name": foreign, "digest": {"sha256": digest_bytes(foreign.encode()).removeprefix("sha256:")}}]
    with pytest.raises(EvidenceError, match="not in local"):
        read_approval(seal(said, signer), Trust.read(place.trust), "local")


def test_one_that_was_altered_is_told_and_the_others_hold(place, approved):
    altered, whole = approved(), approved(operation="replace")
    content = json.loads(altered.read_bytes())
    content["signatures"][0]["sig"] = json.loads(whole.read_bytes())["signatures"][0]["sig"]
    altered.write_text(json.dumps(content))
    (whole.parent / "unreadable.json").mkdir()
    (whole.parent / "README.txt").write_text("not looked at")
    told = []
    assert [found.operation for found in read_approvals(place, told.append)] == ["replace"]
    assert len(told) == 2
    assert told[0].startswith(f"an approval that counts for nothing: {altered}: altered after local-gate signed it")
    assert told[0].endswith("-> have it approved again: mlgate approve")
    assert "unreadable.json" in told[1]


def test_where_nobody_is_trusted_nothing_is_approved(place, approved):
    approved()
    place.trust.unlink()
    told = []
    assert read_approvals(place, told.append) == []
    assert "nobody is trusted" in told[0]


@pytest.fixture
def mlgate(place, monkeypatch, capsys):
    """Runs the command for that environment; gives its code and what it printed."""
    monkeypatch.setenv("MLGATE_HOME", str(place.home.parent))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["mlgate", *arguments])
        with pytest.raises(SystemExit) as left:
            app()
        return left.value.code or 0, capsys.readouterr()

    return run


def test_by_hand_one_is_signed_with_the_key_of_the_environment(place, signer, mlgate):
    code, printed = mlgate(
        "approve", URN, "--id", "old-1", "--operation", "replace", "--lasts", "2 h", "--reason", "moved on Monday", "--json"
    )
    assert code == 0, printed.err
    (found,) = read_approvals(place, never)
    assert json.loads(printed.out) == {
        "approval": str(next(approvals_of(place).iterdir())),
        "urn": URN,
        "id": "old-1",
        "operation": "replace",
        "keyid": signer.keyid,
    }
    assert (found.id, found.reason, found.expires_ns - found.signed_ns) == ("old-1", "moved on Monday", 2 * HOUR)
    code, printed = mlgate("approve", URN, "--id", "old-1", "--operation", "replace", "--lasts", "2 h", "--reason", "moved on Monday")
    assert printed.out.startswith(f"replace of {URN} (old-1) is approved for 2 h, in ")


def test_by_hand_a_time_that_is_none_is_refused(place, mlgate):
    code, printed = mlgate("approve", URN, "--id", "old-1", "--operation", "replace", "--lasts", "soon", "--reason", "r")
    assert code == 2
    assert "--lasts: 'soon' is not a duration" in printed.err
    assert not approvals_of(place).exists()
