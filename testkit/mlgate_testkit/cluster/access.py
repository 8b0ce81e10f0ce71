"""Access to a cluster: the kubeconfig anybody's tools can use, and the questions by which a part says that it is ready."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
from functools import cache
from pathlib import Path

from mlgate_testkit.cluster.certificates import Certificates, Pair
from mlgate_testkit.cluster.parts import Question

_ANSWER_S = 5.0


def write_kubeconfig(path: Path, name: str, port: int, certificates: Certificates) -> None:
    """The administrator's access, with keys inside, so that the one file works from anywhere here. Readable by its owner alone."""

    def inline(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    access = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": inline(certificates.authority)},
            }
        ],
        "users": [
            {
                "name": "admin",
                "user": {
                    "client-certificate-data": inline(certificates.admin.certificate),
                    "client-key-data": inline(certificates.admin.key),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "admin"}}],
        "current-context": name,
    }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(access, file, indent=1)  # JSON is YAML, and no client minds


def answers(question: Question, certificates: Certificates) -> bool:
    """Whether the part answers its question with 200 now."""
    if question.secure:
        context = _context(certificates.authority, certificates.admin)
        connection: http.client.HTTPConnection = http.client.HTTPSConnection("127.0.0.1", question.port, timeout=_ANSWER_S, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", question.port, timeout=_ANSWER_S)
    try:
        connection.request("GET", question.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@cache
def _context(authority: Path, client: Pair) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority))
    context.load_cert_chain(client.certificate, client.key)
    return context
