"""pytest collects a named `service.yaml` and runs its gate, one item per check."""
