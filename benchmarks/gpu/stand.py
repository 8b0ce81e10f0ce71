"""Two untrained models, packed, and endpoints of them on this machine's GPU or on one of its cores. Weights do not change the speed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import NotRunError, say
from mlgate import Release, Service
from mlgate.accelerators import accelerators
from mlgate_serving.endpoint import LocalEndpoint, endpoint_name, start_endpoint, stop_endpoint
from mlgate_serving.management import Management
from mlgate_serving.supervisor import Supervisor

CPU = "cpu"

# The digits example's size; and 135 million weights (512 MiB), which a request reads once in every batch.
MODELS = {
    "small": "nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 10))",
    "wide": "nn.Sequential(nn.Flatten(), nn.Linear(64, W), *map(block, range(8)), nn.Linear(W, 10))",
}
_MODEL = """\
import torch
from torch import nn

W = 4096


def block(_):
    return nn.Sequential(nn.GELU(), nn.Linear(W, W))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = LAYERS

    def forward(self, image):
        return self.layers(image.unsqueeze(1) / 16).softmax(dim=1)
"""
_WRITE = "import torch, model; torch.manual_seed(0); torch.save(model.Model().state_dict(), 'weights.pt')"
_SERVICE = """\
apiVersion: mlgate/v1
kind: Service
metadata: {{name: {name}, owner: benchmarks}}
serving: {{runtime: torchserve, batch: {{size: 16, delay: 1 ms}}, workers: 1, resources: {{accelerator: {accelerator}}}}}
interface:
  protocol: torchserve
  input: {{image: {{dtype: float32, shape: [-1, 8, 8], at_least: 0, at_most: 16}}}}
  output: {{field: probabilities, shape: [-1, 10], answer: argmax}}
"""


@dataclass(frozen=True)
class Gpu:
    """The first GPU of the machine, by the name NVIDIA gives it. `accelerator`: what a declaration calls it."""

    name: str
    accelerator: str

    def used_mib(self) -> int:
        """Its memory in use, whoever uses it."""
        return int(_ask("memory.used"))


class Stand:
    """Everything under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def gpu(self) -> Gpu:
        """Raises NotRunError where there is none, or none that a declaration can name."""
        try:
            name = _ask("name")
        except (OSError, subprocess.CalledProcessError) as error:
            raise NotRunError(f"no NVIDIA GPU: {error}") from None
        words = {word.lower() for word in name.replace("-", " ").split()}
        known = [each for each in accelerators() if each.split("-", 1)[0] in words]
        if not known:
            raise NotRunError(f"{name} is no accelerator that a declaration can name ({', '.join(accelerators())})")
        return Gpu(name, known[0])

    def service(self, model: str, accelerator: str) -> Service:
        """The declaration of a model on an accelerator, by one worker."""
        path = self.folder / f"{model}-{accelerator}.yaml"
        path.write_text(_SERVICE.format(name=model, accelerator=accelerator), encoding="utf-8")
        return Service.read(path)

    def release(self, model: str) -> Path:
        """The folder of a packed release."""
        target = self.folder / "dist" / model
        if not target.exists():
            from mlgate_serving.pack import pack  # brings torch, which nothing else here needs

            say(f"packing the {model} model")
            source = self.folder / "models" / model
            source.mkdir(parents=True)
            (source / "model.py").write_text(_MODEL.replace("LAYERS", MODELS[model]), encoding="utf-8")
            subprocess.run([sys.executable, "-B", "-c", _WRITE], cwd=source, check=True, capture_output=True, text=True)
            pack(source, service=self.service(model, CPU), version="1", output=target)
        return target

    @contextmanager
    def serving(self, model: str, accelerator: str) -> Iterator[LocalEndpoint]:
        """The model's endpoint on an accelerator, ready; both may be open at once."""
        supervisor = Supervisor(self.folder / accelerator)
        packed, service = self.release(model), self.service(model, accelerator)
        try:
            endpoint = start_endpoint(supervisor, packed, service)
            workers = Management(endpoint.management_url, endpoint.url).describe(model).workers
            if any(worker.gpu != (accelerator != CPU) for worker in workers):
                raise NotRunError(f"TorchServe gave the workers of {model} on {accelerator} another device: {workers}")
            yield endpoint
        finally:
            stop_endpoint(supervisor, endpoint_name(service.name, Release.read(packed).digest))


@contextmanager
def open_stand() -> Iterator[Stand]:
    """A stand whose files are gone afterwards, however that comes."""
    with tempfile.TemporaryDirectory(prefix="mlgate-bench-", ignore_cleanup_errors=True) as folder:
        yield Stand(Path(folder).resolve())


def _ask(field: str) -> str:
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits", "--id=0"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
