"""The Pulumi program: what the environment of the selected stack runs. By hand: eval "$(mlgate env local)" && pulumi up -s local"""

from pathlib import Path

import pulumi

from mlgate import MlgateError, UsageError, local
from mlgate_components.local.config import read_services
from mlgate_components.local.endpoint import TorchServeEndpoint, TorchServeEndpointArgs

PROJECT = Path(__file__).resolve().parent.parent


def main() -> None:
    """One endpoint for each service that the stack's configuration names."""
    environment = local(PROJECT)
    if pulumi.get_stack() != environment.name:
        raise UsageError(
            f"there is no environment {pulumi.get_stack()!r}", where="stack", remedy="this version knows local: pulumi up -s local"
        )
    for name, config in read_services(pulumi.Config("mlgate").get_object("services")).items():
        args = TorchServeEndpointArgs(environment=environment, project=PROJECT, config=config)
        endpoint = TorchServeEndpoint(name, args)
        pulumi.export(name, {"url": endpoint.url, "stable_url": endpoint.stable_url, "candidate_url": endpoint.candidate_url})


try:
    main()
except MlgateError as error:
    # Pulumi prints a RunError as it is; of anything else it shows the traceback.
    raise pulumi.RunError(str(error)) from None
