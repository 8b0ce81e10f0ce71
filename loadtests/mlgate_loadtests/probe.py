"""The first request to an endpoint: whatever keeps it from being judged gets a name before any load goes out."""

from __future__ import annotations

import http.client
import ssl

from mlgate.errors import EndpointError
from mlgate_loadtests.connection import describe
from mlgate_loadtests.target import Target
from mlgate_serving.clients import Answer, Request, send


def probe(target: Target, request: Request, *, timeout_s: float = 10) -> Answer:
    """The answer to one valid request, whatever its status, except where that means that nothing can be judged.

    Raises EndpointError, naming the address and the remedy, when nobody listens or answers, TLS fails, what answers is not HTTP, it wants
    a token that it was not given or refuses the one it was, it does not know the path, or it is elsewhere.
    """

    def unusable(problem: str, remedy: str) -> EndpointError:
        return EndpointError(target.redact(problem), where=target.url, remedy=remedy)

    try:
        answer = send(request, target.url, headers=dict(target.headers), tls=target.tls, timeout_s=timeout_s)
    except ssl.SSLCertVerificationError as error:
        remedy = "name a variable with the path of the authority's certificate: interface.auth.ca"
        raise unusable(f"its certificate is not trusted: {error.verify_message}", remedy) from None
    except (ssl.SSLError, ConnectionResetError) as error:
        # Also http.client.RemoteDisconnected: in TLS 1.3 a server refuses a client's certificate after the client's handshake is over.
        remedy = "check http against https, and interface.auth.client_certificate where the endpoint asks for one"
        raise unusable(f"the connection was refused or cut before an answer: {describe(error)}", remedy) from None
    except TimeoutError:
        remedy = "check that the endpoint is up and serves the model, and http against https"
        raise unusable(f"no answer within {timeout_s:g} s", remedy) from None
    except http.client.HTTPException as error:
        remedy = "check the port, and http against https"
        raise unusable(f"what answers there does not speak HTTP/1.1: {describe(error)}", remedy) from None
    except OSError as error:
        raise unusable(f"cannot be reached: {describe(error)}", "start the endpoint, or correct the address") from None
    if _wants_token(answer):
        raise unusable(f"answered {answer.status} to a valid request: it wants a token", _token_remedy(target))
    if 300 <= answer.status < 400:
        elsewhere = answer.headers.get("location", "a place that it does not name")
        remedy = "name the address that this leads to; redirects are not followed, since their time would count as the endpoint's"
        raise unusable(f"answered {answer.status} to {request.method} {request.path}: go to {elsewhere}", remedy)
    if answer.status == 404:
        remedy = "check that it serves the service under metadata.name, and interface.protocol"
        raise unusable(f"answered 404 to {request.method} {request.path}", remedy)
    return answer


def _wants_token(answer: Answer) -> bool:
    """TorchServe's own token check answers 400 and not 401."""
    return answer.status in (401, 403) or (answer.status == 400 and b"Token Authorization failed" in answer.body)


def _token_remedy(target: Target) -> str:
    if target.auth.bearer:
        return f"the token in {target.auth.bearer} was refused: it may have expired, or be meant for another endpoint"
    return "declare interface.auth.bearer: ENDPOINT_TOKEN in the service.yaml, and export ENDPOINT_TOKEN=..."
