"""A Kubernetes control plane on this machine, offline and without containers, for tests and for looking around.

Example: mlgate testkit cluster up --karpenter
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlgate_cli.output import JsonFlag, errors_as_words, print_json, print_table, progress_since, say

if TYPE_CHECKING:
    from mlgate_testkit.cluster.startup import Running

ClusterName = Annotated[str, typer.Option("--name", metavar="NAME", help="The cluster's name.")]

_HELP = {"context_settings": {"help_option_names": ["-h", "--help"]}, "no_args_is_help": True, "rich_markup_mode": None}
app = typer.Typer(help=__doc__, add_completion=False, **_HELP)  # type: ignore[arg-type]
cluster = typer.Typer(help="Bring a control plane up and down, see what runs, and look into it.", add_completion=False, **_HELP)  # type: ignore[arg-type]
app.add_typer(cluster, name="cluster")


def up(
    name: ClusterName = "default",
    karpenter: Annotated[bool, typer.Option("--karpenter", help="With Karpenter, which brings nodes.")] = False,
    keda: Annotated[bool, typer.Option("--keda", help="With KEDA, which scales by metrics.")] = False,
    prometheus: Annotated[bool, typer.Option("--prometheus", help="With Prometheus, which collects metrics.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Bring a cluster up, or find it up, and say how to reach it. It stays until `down`.

    Example: mlgate testkit cluster up --karpenter
    """
    from mlgate_testkit.cluster.extensions import Chosen
    from mlgate_testkit.cluster.named import bring_up_named

    running = bring_up_named(name, Chosen(karpenter=karpenter, keda=keda, prometheus=prometheus), progress_since())
    if as_json:
        print_json(_described(name, running))
        return
    say(f"{name} is up; its nodes and pods are played")
    say(f"export KUBECONFIG={running.layout.kubeconfig}")


def down(name: ClusterName = "default", as_json: JsonFlag = False) -> None:
    """End a cluster and remove its files. Nothing to end is no error, unless there are clusters of other names.

    Example: mlgate testkit cluster down
    """
    from mlgate_testkit.cluster.named import end_named

    ended = end_named(name)
    if as_json:
        print_json({"name": name, "ended": list(ended)})
    else:
        say(f"{name}: ended {', '.join(ended)}" if ended else f"{name}: nothing ran")


def status(name: ClusterName = "default", as_json: JsonFlag = False) -> None:
    """Say what of a cluster runs; exit code 1 where a part of it has ended.

    Example: mlgate testkit cluster status
    """
    from mlgate_testkit.cluster.named import find_named

    running = find_named(name)
    parts = running.processes.status()
    if as_json:
        print_json(_described(name, running))
    else:
        network = "its own network namespace" if running.network.own else f"this machine's loopback ({running.network.reason})"
        print_table(
            f"{name}, in {network}",
            ["part", "state", "process", "memory"],
            [(part.name, "ok" if part.alive else "ended", str(part.pid), f"{part.memory_bytes / 1e6:.0f} MB") for part in parts],
            right=["process", "memory"],
        )
        for what, why in running.missing.items():
            say(f"without {what}: {why}")
        for what, how in running.exposed.items():
            say(f"{what} can be reached from outside: {how}")
        say(f"export KUBECONFIG={running.layout.kubeconfig}")
    if not all(part.alive for part in parts):
        raise typer.Exit(1)


def kubectl(context: typer.Context, name: ClusterName = "default") -> None:
    """Run kubectl on a cluster; what it answers, and its exit code, are kubectl's own.

    Example: mlgate testkit cluster kubectl get pods --all-namespaces
    """
    from mlgate_testkit.cluster.named import find_named
    from mlgate_tools.control_plane import program_path

    running = find_named(name)
    command = [str(program_path("kubectl")), *context.args]
    sys.stdout.flush()
    done = subprocess.run(command, env={**os.environ, "KUBECONFIG": str(running.layout.kubeconfig)}, check=False)
    raise typer.Exit(done.returncode)


def _described(name: str, running: Running) -> dict[str, Any]:
    parts = [
        {"name": part.name, "pid": part.pid, "alive": part.alive, "ports": list(part.ports), "memory_bytes": part.memory_bytes}
        for part in running.processes.status()
    ]
    return {
        "name": name,
        "kubeconfig": str(running.layout.kubeconfig),
        "own_network": running.network.own,
        "missing": dict(running.missing),
        "exposed": dict(running.exposed),
        "parts": parts,
    }


for verb in (up, down, status):
    cluster.command(name=verb.__name__, help=verb.__doc__)(errors_as_words()(verb))
# Every other word and option is kubectl's, its help too; `--name` has no short form because `-n` is kubectl's namespace.
_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
cluster.command(name="kubectl", help=kubectl.__doc__, context_settings=_PASSED_ON)(errors_as_words()(kubectl))
