"""The Pulumi program: what the environment of the selected stack is made of.

By hand: eval "$(mlgate env local)" && pulumi up, likewise with dev, staging or prod after mlgate bootstrap.
"""

import gc
import signal
from pathlib import Path

import pulumi

from mlgate import MlgateError, UsageError, local

PROJECT = Path(__file__).resolve().parent.parent
STACKS = PROJECT / "stacks"


def main() -> None:
    """On this machine one endpoint for each service that the stack's configuration names; on AWS the platform under them."""
    # Where an update fails, the engine interrupts the program and gives it 5 s to end. With Python's own handler it would go on waiting
    # for answers that never come (its executor's threads), so that every failure took 5 s longer.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # Pulumi makes objects by the hundred thousand, and the program ends in seconds: collecting took a fifth of its time
    stack, config = pulumi.get_stack(), pulumi.Config("mlgate")
    platform = config.get_object("platform")
    if stack == local(PROJECT).name:
        on_this_machine(config)
    elif platform is not None:
        on_aws(stack, platform, config)
    else:
        raise UsageError(f"there is no environment {stack!r}", where="stack", remedy=f"local, or one that {STACKS} has a file for")


def on_this_machine(config: pulumi.Config) -> None:
    """The services of the environment local."""
    from mlgate_components.local.config import read_services
    from mlgate_components.local.endpoint import TorchServeEndpoint, TorchServeEndpointArgs

    for name, service in read_services(config.get_object("services")).items():
        args = TorchServeEndpointArgs(environment=local(PROJECT), project=PROJECT, config=service)
        endpoint = TorchServeEndpoint(name, args)
        pulumi.export(name, {"url": endpoint.url, "stable_url": endpoint.stable_url, "candidate_url": endpoint.candidate_url})


def on_aws(stack: str, platform: object, config: pulumi.Config) -> None:
    """The platform of an environment on AWS. Set the secret mlgate:kubeconfig where its API server cannot be reached from here."""
    from mlgate.platform_files import platform_of
    from mlgate.platform_rules import require_apart
    from mlgate_components.aws.platform import build

    declared = platform_of(platform, stack, STACKS)
    for path in require_apart(stack, declared, STACKS):
        pulumi.log.warn(f"{path} is not well declared, so {stack} was not compared with it: mlgate environments check says why")
    built = build(stack, declared[0], config.get_secret("kubeconfig"))
    for name, value in built.exports().items():
        pulumi.export(name, value)


try:
    main()
except MlgateError as error:
    # Pulumi prints a RunError as it is; of anything else it shows the traceback.
    raise pulumi.RunError(str(error)) from None
