"""Protocol clients: `client_for(interface, model)` gives the one that an interface declares."""

from __future__ import annotations

from mlgate.interface import Interface
from mlgate_serving.clients.base import DIGEST_HEADER, Client, Request, Response
from mlgate_serving.clients.open_inference import OpenInferenceClient
from mlgate_serving.clients.predict import Answer, predict, send
from mlgate_serving.clients.torchserve import TorchServeClient

__all__ = ["DIGEST_HEADER", "Answer", "Client", "Request", "Response", "client_for", "predict", "send"]


def client_for(interface: Interface, model: str) -> Client:
    """The client for the declared protocol; `model` is the name that the endpoint serves it under."""
    if interface.protocol == "torchserve":
        return TorchServeClient(interface, model)
    return OpenInferenceClient(interface, model)
