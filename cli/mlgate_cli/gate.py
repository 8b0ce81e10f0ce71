"""Judge a candidate by everything its service declares: PASS, FAIL, INCONCLUSIVE or VOID, with signed evidence and a report.

In an environment, name the release; anywhere else, name the address of whatever speaks the declared protocol. A killed gate goes on
from its rows when the same command runs again. Two gates never load one endpoint at once where they share a user and MLGATE_CACHE; those of
other users, containers and machines are not kept out.

Example: mlgate gate examples/digits/service.yaml --release dist/digits-2

Example: mlgate gate service.yaml --candidate https://models.example.com --first-release
"""

from __future__ import annotations

from typing import Annotated

import typer

from mlgate_cli.options import EnvironmentName, ServiceFile, environment_named
from mlgate_cli.output import JsonFlag, print_json, print_table, progress_since, say


def command(
    service: ServiceFile,
    release: Annotated[str | None, typer.Option("--release", "-r", help="A packed folder or a digest, running in the environment.")] = None,
    candidate: Annotated[str | None, typer.Option("--candidate", metavar="URL", help="The endpoint to judge, wherever it runs.")] = None,
    stable: Annotated[str | None, typer.Option("--stable", metavar="URL", help="The endpoint to compare it with.")] = None,
    first_release: Annotated[
        bool, typer.Option("--first-release", help="There is no stable yet: leave out the checks against it, and record that.")
    ] = False,
    environment: EnvironmentName = "local",
    as_json: JsonFlag = False,
) -> None:
    from mlgate import Service, UsageError
    from mlgate_gates.request import GateRequest, Subject
    from mlgate_gates.run import run_gate

    if (release is None) == (candidate is None):
        raise UsageError("name the release to judge, or the address of an endpoint", remedy="one of --release RELEASE and --candidate URL")
    if release is not None and stable is not None:
        raise UsageError(
            f"--stable {stable}, but a release is compared with what the ledger of {environment} says is stable",
            remedy="leave --stable out, or give both addresses: --candidate URL --stable URL",
        )
    place = environment_named(environment)
    declared = Service.read(service)
    if candidate is not None:
        arms = Subject(url=candidate), Subject(url=stable) if stable else None
    else:
        from mlgate_delivery.arms import arms_of

        assert release is not None
        arms = arms_of(place, declared, service, release)
        # In an environment it is the ledger that knows whether there is a stable, and nobody has to say so.
        first_release = first_release or arms[1] is None
    request = GateRequest(service=declared, environment=place, candidate=arms[0], stable=arms[1], first_release=first_release)
    outcome = run_gate(request, progress_since())
    result = outcome.result
    if as_json:
        print_json({"verdict": result.verdict, "attempt": outcome.attempt, "folder": str(outcome.folder), "result": result.to_dict()})
    else:
        rows = [
            (finding.verdict or "not run", finding.name, finding.claim, finding.reason, f"{finding.requests:,}", finding.missing or "")
            for finding in result.findings
        ]
        print_table("", ["", "check", "claim", "why", "requests", "missing"], rows, right=["requests"])
        say(f"{result.verdict}: {result.reason}")
        say(f"report: {outcome.report}")
    raise typer.Exit(result.verdict.exit_code)
