"""What a program of its own gives away only when it runs: to the state, or to whoever reads along."""

from __future__ import annotations

import pytest

from mlgate.errors import UsageError
from mlgate_testkit.engine import UpdateError
from mlgate_testkit.lint import assert_no_secret_in_clear

from .found import rows

pytestmark = pytest.mark.engine
MADE = "made-by-the-program"


def shop() -> None:
    """Keys: `password` (secret), `leak`: what the program does with a secret that it makes itself."""
    import pulumi
    import pulumi_aws as aws

    config = pulumi.Config()
    made = pulumi.Output.secret("made-by-the-program")

    class Login(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("shop:index:Login", "login")
            clear = pulumi.Output.unsecret(made)
            self.register_outputs({"text": clear if config.get("leak") == "output" else made})

    key = aws.ssm.Parameter("key", type="SecureString", value=made)
    aws.ssm.Parameter("password", type="SecureString", value=config.require_secret("password"))
    Login()
    pulumi.export("made", pulumi.Output.unsecret(made) if config.get("leak") == "export" else made)

    def tell(text: str) -> None:
        leak = config.get("leak")
        if leak == "print":
            print(f"logging in with {text}")  # noqa: T201 - what it is about
        if leak == "log":
            pulumi.log.warn(f"logging in with {text}", key)

    def fail(text: str) -> None:
        if config.get("leak") == "raise":
            raise RuntimeError(f"cannot log in with {text}")

    made.apply(tell)
    pulumi.Output.all(key.id, made).apply(lambda known: fail(known[1]))


@pytest.fixture
def deployed(stack, simulated_aws):
    """The shop, up, or as far as it comes."""

    def deploy(leak: str = ""):
        config = {"leak": leak, "aws:region": "eu-central-1"}
        made = stack("prod", program=shop, config=config, secrets={"password": "correct-horse-battery"})
        if leak == "raise":
            with pytest.raises(UpdateError, match="cannot log in"):
                made.up()
        else:
            made.up()
        return made

    return deploy


def refused(stack) -> list[list[str]]:
    """The rows of the table that a stack is refused with, which tells no secret itself."""
    with pytest.raises(AssertionError) as caught:
        assert_no_secret_in_clear(stack)
    said = str(caught.value)
    assert MADE not in said
    assert "correct-horse-battery" not in said
    return rows(said)


def test_a_stack_that_keeps_its_secrets_passes_and_an_exception_names_a_rule_all_the_same(deployed):
    prod = deployed()
    prod.preview()
    prod.refresh()
    assert_no_secret_in_clear(prod)
    with pytest.raises(UsageError, match="names no rule"):
        assert_no_secret_in_clear(prod, allow={"tags": "none of this"})


def test_a_secret_that_loses_its_mark_in_what_a_component_registers_is_found_in_the_state(deployed):
    assert ["secret-in-clear", "shop:index:Login", "login", "text", "-"] in refused(deployed("output"))


def test_a_secret_that_is_exported_in_clear_is_found_in_the_state_and_in_what_the_engine_printed(deployed):
    found = refused(deployed("export"))
    assert ["secret-in-clear", "stack", "program/prod", "made", "-"] in found
    assert ["secret-in-log", "program", "01-up", "01-up", "-"] in found


@pytest.mark.parametrize(
    ("leak", "told_of"),
    [
        ("print", ["program", "01-up"]),
        ("log", ["aws:ssm/parameter:Parameter", "key"]),
        ("raise", ["program", "01-up"]),
    ],
)
def test_a_secret_that_is_told_on_the_way_is_found_in_the_log_of_its_run_unless_a_reason_allows_it(deployed, leak, told_of):
    prod = deployed(leak)
    assert ["secret-in-log", *told_of, "01-up", "-"] in refused(prod)
    assert_no_secret_in_clear(prod, allow={"secret-in-log": "it is a token of this test"})
