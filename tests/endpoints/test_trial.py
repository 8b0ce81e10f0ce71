"""Before it is packed, a model is loaded and run as its endpoint would: what fails here would fail there."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mlgate import PackError, Service
from mlgate_serving.pack import pack

MakeModel = Callable[..., Path]
Refused = Callable[[Path], str]


@pytest.fixture
def refused(service: Service, tmp_path: Path) -> Refused:
    """What packing a directory is refused with; nothing may have been written."""

    def ask(folder: Path) -> str:
        with pytest.raises(PackError) as caught:
            pack(folder, service=service, version="1", output=tmp_path / "out")
        assert not (tmp_path / "out").exists()
        return str(caught.value)

    return ask


@pytest.mark.parametrize(
    ("change", "found", "expected"),
    [
        (".softmax(dim=1)[:, :9]", "batch of 1 gives probabilities with shape [1, 9]", "expected shape [1, 10]"),
        (".softmax(dim=1).mean(dim=0)", "batch of 1 gives probabilities with shape [10]", "expected shape [1, 10]"),
        (".softmax(dim=1).squeeze()", "batch of 1 gives probabilities with shape [10]", "expected shape [1, 10]"),
        (".softmax(dim=1)[:1]", "batch of 3 gives probabilities with shape [1, 10]", "expected shape [3, 10]"),
        (".log() * float('nan')", "nan at [0]", "expected finite numbers"),
        (".exp() * float('inf')", "inf at [0]", "expected finite numbers"),
        (".softmax(dim=1).to(torch.complex64)", "torch.complex64", "expected real numbers"),
        (".softmax(dim=1) > 0.5", "torch.bool", "expected numbers"),
        (".softmax(dim=1).tolist()", "a list", "expected a torch.Tensor"),
    ],
)
def test_a_model_whose_output_does_not_match_its_schema_is_refused(
    make_model: MakeModel, model_text: str, refused: Refused, change: str, found: str, expected: str
) -> None:
    said = refused(make_model(model_text.replace(".softmax(dim=1)", change)))
    assert "its output does not match its schema" in said
    assert found in said
    assert expected in said


def test_weights_of_another_model_are_refused(make_model: MakeModel, model_text: str, refused: Refused) -> None:
    said = refused(make_model(model_text.replace("Linear(4 * 64, 10)", "Linear(4 * 64, 11)")))
    assert "cannot be loaded" in said
    assert "size mismatch" in said


def test_a_model_that_raises_is_refused_with_its_line(make_model: MakeModel, model_text: str, refused: Refused) -> None:
    said = refused(make_model(model_text.replace("        return self", "        raise KeyError('lost')\n        return self")))
    assert "KeyError: 'lost'" in said
    assert "model.py:11" in said


@pytest.mark.parametrize(
    ("statement", "written"),
    [
        ("import pathlib\npathlib.Path(__file__).with_name('cache.pkl').write_text('x')\n", "cache.pkl"),
        ("import pathlib\npathlib.Path(__file__).with_name('handler.py').write_text('#')\n", "handler.py"),
        ("import pathlib\npathlib.Path(__file__).with_name('notes').unlink()\n", "notes"),
    ],
)
def test_a_model_that_changes_its_own_folder_is_refused_naming_what(
    make_model: MakeModel, model_text: str, refused: Refused, statement: str, written: str
) -> None:
    assert f"{written}: is changed in the model's own folder" in refused(make_model(statement + model_text, notes="x"))


def test_what_a_model_caches_beside_its_modules_is_no_part_of_its_release(
    make_model: MakeModel, model_text: str, service: Service, tmp_path: Path
) -> None:
    cache = "import pathlib\n_cache = pathlib.Path(__file__).parent / '__pycache__'\n_cache.mkdir()\n(_cache / 'a.nbi').write_text('x')\n"
    release = pack(make_model(cache + model_text), service=service, version="1", output=tmp_path / "out")
    assert not [name for name in release.files if "__pycache__" in name]


def test_bounds_too_far_apart_to_draw_from_are_refused_without_a_traceback(
    make_model: MakeModel, model_text: str, read_service: Callable[..., Service], tmp_path: Path
) -> None:
    wide = read_service(input="{image: {dtype: float64, shape: [-1, 8, 8], at_least: -1.7e+308, at_most: 1.7e+308}}")
    with pytest.raises(PackError, match="declare narrower inputs"):
        pack(make_model(model_text.replace("image.", "image.float().")), service=wide, version="1", output=tmp_path / "out")


def test_code_that_wants_to_end_the_process_is_refused(make_model: MakeModel, refused: Refused) -> None:
    assert "SystemExit" in refused(make_model("import sys\nsys.exit(0)\n"))


def test_a_model_file_without_the_class_is_refused(make_model: MakeModel, refused: Refused) -> None:
    assert "Model" in refused(make_model("x = 1\n"))


def test_a_handler_that_raises_at_load_is_refused_with_its_line(make_model: MakeModel, refused: Refused) -> None:
    handler = "from mlgate_serving.handler import SafeHandler\nimport no_such_module\nclass Handler(SafeHandler): ...\n"
    said = refused(make_model(handler_py=handler))
    assert "handler.py:2" in said
    assert "no_such_module" in said


@pytest.mark.parametrize(
    "handler",
    [
        "class Handler: ...\n",
        "from mlgate_serving.handler import SafeHandler\n",
        "from mlgate_serving.handler import SafeHandler\nclass A(SafeHandler): ...\nclass B(SafeHandler): ...\n",
    ],
)
def test_a_handler_file_holds_exactly_one_safe_handler(make_model: MakeModel, refused: Refused, handler: str) -> None:
    assert "exactly one is needed" in refused(make_model(handler_py=handler))


def test_a_handler_may_put_something_around_the_model(make_model: MakeModel, service: Service, tmp_path: Path) -> None:
    handler = "from mlgate_serving.handler import SafeHandler\nclass H(SafeHandler):\n    def infer(self, inputs):\n"
    handler += "        return super().infer(inputs).flip(1)\n"
    release = pack(make_model(handler_py=handler), service=service, version="1", output=tmp_path)
    assert "handler.py" in release.files


@pytest.mark.parametrize("fixed", [True, False])
def test_an_exported_program_needs_a_batch_of_any_size(
    make_model: MakeModel, model_text: str, service: Service, tmp_path: Path, state_dict: dict[str, torch.Tensor], fixed: bool
) -> None:
    namespace: dict[str, type[torch.nn.Module]] = {}
    exec(model_text, namespace)  # noqa: S102
    shapes = None if fixed else ({0: torch.export.Dim("batch")},)
    program = torch.export.export(namespace["Model"]().eval(), (torch.zeros(2, 8, 8),), dynamic_shapes=shapes)
    folder = tmp_path / "model"
    folder.mkdir()
    torch.export.save(program, folder / "model.pt2")
    if not fixed:
        assert "model.py" not in pack(folder, service=service, version="1", output=tmp_path / "out").files
        return
    with pytest.raises(PackError, match=r"Guard failed(?s:.*)dynamic batch dimension"):
        pack(folder, service=service, version="1", output=tmp_path / "out")
