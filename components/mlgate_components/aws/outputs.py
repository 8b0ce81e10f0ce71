"""What a component gives: the outputs that its class declares, where other languages read of them too."""

from __future__ import annotations

import inspect

import pulumi

__all__ = ["register_declared"]


def register_declared(component: pulumi.ComponentResource) -> None:
    """Registers all of them under their names; the last thing that a component does.

    Raises AttributeError for one that is declared and was not made.
    """
    classes = type(component).__mro__
    declared = [name for made in classes[: classes.index(pulumi.ComponentResource)] for name in inspect.get_annotations(made)]
    component.register_outputs({name: getattr(component, name) for name in declared})
