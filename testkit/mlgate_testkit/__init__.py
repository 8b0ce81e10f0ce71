"""Test your platform offline: the programs record, the real engine runs, the control plane is real, the cloud is simulated and named so."""
