"""The Pulumi program: what the environment of the selected stack is made of.

By hand: eval "$(mlgate env local)" && pulumi up, likewise with dev, staging or prod after mlgate bootstrap.
"""

import gc
from pathlib import Path

import pulumi

from mlgate import MlgateError, UsageError, local

PROJECT = Path(__file__).resolve().parent.parent
STACKS = PROJECT / "stacks"


def main() -> None:
    """On this machine one endpoint for each service that the stack's configuration names; on AWS the platform under them."""
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
    from mlgate_components.aws.platform import build

    built = build(stack, platform_of(platform, stack, STACKS), config.get_secret("kubeconfig"))
    for name, value in built.exports().items():
        pulumi.export(name, value)


try:
    main()
except MlgateError as error:
    # Pulumi prints a RunError as it is; of anything else it shows the traceback.
    raise pulumi.RunError(str(error)) from None
