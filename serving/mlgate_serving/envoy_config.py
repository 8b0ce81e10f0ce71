"""Envoy's files for one service, as pure functions: what stands in them, and what they say when read back.

One listener, two slots (clusters `stable` and `candidate`, each with an endpoint file of its own), two routes, and the weights in runtime
keys: in operation nothing changes but an endpoint file or the keys. All of it was measured against Envoy 1.39.1 under load; the numbers
and the traps are in docs/decisions.md. Field names: https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/api
"""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlgate.digests import canonical_json, digest_json, short
from mlgate.errors import UsageError
from mlgate_serving.router import Arm, Slot

Json = dict[str, Any]

WEIGHT_KEY = "mlgate.candidate"
MIRROR_KEY = "mlgate.mirror"
REQUEST_TIMEOUT_S = 60
RETRY_BACK_OFF_MAX_S = 0.1
LISTENER_DRAIN_S = 2

# Envoy draws one random number for a request's split and its mirroring. Only with different denominators are the two independent.
_WEIGHT_PARTS = ("TEN_THOUSAND", 10_000)
_MIRROR_PARTS = ("HUNDRED", 100)
_TYPE = "type.googleapis.com/envoy"
# The largest body that is kept for a second attempt; larger ones are tried once.
_RETRY_BODY_BYTES = 8 << 20


def weight_value(share: float) -> str:
    """The runtime value for a candidate's weight, in steps of 1/10,000. Raises UsageError for a share that would round to none or all.

    A bare integer would be read as a percentage whatever the route's denominator, hence the long form.
    """
    return _fraction(share, *_WEIGHT_PARTS)


def mirror_value(share: float) -> str:
    """The runtime value for a mirror share, in steps of 1 %. Raises UsageError for a share that would round to none or all."""
    return _fraction(share, *_MIRROR_PARTS)


def share_of(value: str) -> float:
    """The share that a runtime value written here stands for. Raises ValueError or KeyError for another text."""
    fraction = json.loads(value)
    parts = dict([_WEIGHT_PARTS, _MIRROR_PARTS])
    return float(fraction["numerator"] / parts[fraction["denominator"]])


def address_of(url: str) -> tuple[str, int]:
    """The IP address and port of an arm's URL. Raises UsageError for a URL that Envoy cannot be sent to."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        address = "127.0.0.1" if host == "localhost" else str(ipaddress.ip_address(host))
    except ValueError:
        address, port = "", None
    if not address or not port or parts.scheme != "http" or parts.path not in ("", "/"):
        raise UsageError(f"{url!r} cannot be an arm's URL", remedy="http://ADDRESS:PORT, such as http://127.0.0.1:8080") from None
    return address, port


def slot_file(slot: Slot, arm: Arm | None) -> Json:
    """The endpoint file of a slot. Its version is a digest of the content, so an equal version means an equal slot.

    Raises UsageError as `address_of` does.
    """
    endpoints: list[Json] = []
    if arm:
        address, port = address_of(arm.url)
        endpoint = {"address": {"socket_address": {"address": address, "port_value": port}}}
        metadata = {"filter_metadata": {"mlgate": {"release": arm.release, "url": arm.url}}}
        endpoints.append({"lb_endpoints": [{"endpoint": endpoint, "metadata": metadata}]})
    assignment = {"@type": f"{_TYPE}.config.endpoint.v3.ClusterLoadAssignment", "cluster_name": slot, "endpoints": endpoints}
    return _versioned(assignment)


def arm_in(content: bytes) -> tuple[str, Arm | None]:
    """The version and the arm of a slot file. Raises ValueError, LookupError or TypeError for anything else."""
    document = json.loads(content)
    endpoints = document["resources"][0]["endpoints"]
    if not endpoints:
        return str(document["version_info"]), None
    return str(document["version_info"]), Arm(**endpoints[0]["lb_endpoints"][0]["metadata"]["filter_metadata"]["mlgate"])


def routes_file() -> Json:
    """The route file: first the candidate for the share of the weight key, then stable for the rest, so that the sum is never zero."""
    retries = {
        "retry_on": "connect-failure,reset-before-request,reset,retriable-status-codes",
        "retriable_status_codes": [500, 507],  # TorchServe's two ways to say that the worker died under this request
        "num_retries": 1,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": f"{RETRY_BACK_OFF_MAX_S}s"},
        "host_selection_retry_max_attempts": 5,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {"@type": f"{_TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
            }
        ],
    }
    action = {"timeout": f"{REQUEST_TIMEOUT_S}s", "retry_policy": retries}
    mirror = {"cluster": "candidate_shadow", "runtime_fraction": _from_runtime(MIRROR_KEY, _MIRROR_PARTS[0])}
    host = {
        "name": "service",
        "domains": ["*"],
        "include_attempt_count_in_response": True,
        "request_body_buffer_limit": _RETRY_BODY_BYTES,
        "response_headers_to_add": [
            {"header": {"key": "x-mlgate-arm", "value": "%UPSTREAM_CLUSTER%"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ],
        "routes": [
            {
                "match": {"prefix": "/", "runtime_fraction": _from_runtime(WEIGHT_KEY, _WEIGHT_PARTS[0])},
                "route": {"cluster": "candidate", **action},
            },
            {"match": {"prefix": "/"}, "route": {"cluster": "stable", **action, "request_mirror_policies": [mirror]}},
        ],
    }
    # Without validate_clusters Envoy takes a route to a cluster it does not know, and answers 503.
    table = {"name": "main", "validate_clusters": True, "virtual_hosts": [host]}
    return _versioned({"@type": f"{_TYPE}.config.route.v3.RouteConfiguration", **table})


def bootstrap_file(service: str, port: int, folder: Path, admin: Path) -> Json:
    """What Envoy starts with. `folder` holds `xds/` and `rt/`; `admin` is the path of its admin socket, for this user only."""
    manager = {
        "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "service",
        "codec_type": "AUTO",
        "server_header_transformation": "PASS_THROUGH",
        "generate_request_id": False,
        "rds": {"route_config_name": "main", "config_source": _watched(folder / "xds" / "routes.json")},
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"}}
        ],
    }
    listener = {
        "name": "service",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        # By default a second Envoy on the port would start without a word and take half of the requests.
        "enable_reuse_port": False,
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]},
        ],
    }
    # Copies for the candidate have a cap of their own, so that a slow candidate cannot hold stable's requests.
    copies = {"max_connections": 32, "max_pending_requests": 32, "max_requests": 32, "max_retries": 0}
    return {
        "node": {"id": service, "cluster": "mlgate"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
        "layered_runtime": {"layers": [{"name": "disk", "disk_layer": {"symlink_root": str(folder / "rt/current"), "subdirectory": "v"}}]},
        "static_resources": {
            "listeners": [listener],
            "clusters": [
                # Envoy allows 3 retries at once by default: too few for a worker that dies under load.
                _cluster("stable", "stable", folder, {"max_retries": 64}),
                _cluster("candidate", "candidate", folder, {"max_retries": 64}),
                _cluster("candidate_shadow", "candidate", folder, copies),
            ],
        },
    }


def _cluster(name: str, slot: Slot, folder: Path, thresholds: Json) -> Json:
    return {
        "name": name,
        "type": "EDS",
        "connect_timeout": "0.5s",
        "lb_policy": "ROUND_ROBIN",
        "circuit_breakers": {"thresholds": [thresholds]},
        "eds_cluster_config": {"service_name": slot, "eds_config": _watched(folder / "xds" / f"{slot}.json")},
    }


def _watched(path: Path) -> Json:
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def _from_runtime(key: str, denominator: str) -> Json:
    return {"default_value": {"numerator": 0, "denominator": denominator}, "runtime_key": key}


def _versioned(resource: Json) -> Json:
    return {"version_info": short(digest_json(resource)), "resources": [resource]}


def _fraction(share: float, denominator: str, parts: int) -> str:
    numerator = round(share * parts)
    if share not in (0, 1) and numerator in (0, parts):
        raise UsageError(f"a share of {share:g} cannot be served", remedy=f"0, 1, or from {1 / parts:g} to {1 - 1 / parts:g}")
    return canonical_json({"numerator": numerator, "denominator": denominator}).decode()
