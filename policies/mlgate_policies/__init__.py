"""The policy pack: rules over what a Pulumi program registers, as plain functions."""
