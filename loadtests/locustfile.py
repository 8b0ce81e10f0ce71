"""Locust on a service's hold-out cases: `MLGATE_SERVICE=service.yaml locust -f loadtests/locustfile.py --host http://127.0.0.1:8080`."""

from mlgate_loadtests.locust import ServiceUser


class HoldOutUser(ServiceUser):
    """Add tasks of your own here, or a `wait_time` between them."""
