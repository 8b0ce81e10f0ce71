"""service.yaml: what is right is read whole, what is wrong is named with file, line, value and what would be accepted."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlgate import DeclarationError, Service
from mlgate.documents import parse_yaml

Reader = Callable[[str], Service]


def test_a_declaration_is_read_with_its_units(read: Reader, declaration: str) -> None:
    service = read(declaration)
    assert service.name == "digits"
    assert service.load is not None
    assert (service.load.rate, service.load.at_least, service.serving.batch.delay) == (200.0, 60_000_000_000, 1_000_000)
    assert service.interface.input["image"].row_shape == (8, 8)
    assert [objective.name for objective in service.objectives] == ["latency-p99", "error-rate"]


def test_a_header_may_have_any_name_that_http_knows_as_one(read: Reader, declaration: str) -> None:
    headers = {"authorization": "KEY", "X-Api-Key": "KEY", "x_y.z~1": "KEY"}
    assert read(declaration.replace("bearer: ENDPOINT_TOKEN", f"headers: {headers}")).interface.auth.headers == headers


def test_data_lies_beside_the_declaration(read: Reader, declaration: str, tmp_path: Path) -> None:
    assert read(declaration).data_path("data/holdout.parquet") == tmp_path / "data/holdout.parquet"


def test_layout_and_comments_do_not_change_the_digest(read: Reader, declaration: str) -> None:
    again = yaml.safe_dump(yaml.safe_load(declaration), sort_keys=True)
    assert read(declaration).digest == read("# another layout\n" + again).digest


def test_a_changed_bar_changes_the_digest(read: Reader, declaration: str) -> None:
    assert read(declaration).digest != read(declaration.replace("0.94", "0.93")).digest


def test_the_dumped_form_reads_back_as_the_same_service(read: Reader, declaration: str) -> None:
    service = read(declaration)
    again = Service.model_validate(service.model_dump(mode="json"))
    assert again.model_dump() == service.model_dump()


@pytest.mark.parametrize(
    ("right", "wrong", "line", "found", "accepted"),
    [
        ("workers: 2", "wrkers: 2", 4, "serving.wrkers is not a known key", "did you mean workers?"),
        ("at_most: 200 ms", "at_most: 200", 11, "200 has no unit", "50 ms"),
        ("at_most: 200 ms", "at_most: 200/s", 11, "'200/s' is not a duration", "50 ms"),
        ("at_most: 1 %", "at_most: 0.01", 12, "0.01 has no unit", "1 %"),
        ("at_most: 1 %", "at_most: 0 %", 12, "0 % can never be proven", "1 %"),
        ("rate: 200/s", "rate: 0/s", 13, "rate must be over 0/s", ""),
        ("at_least: 60 s", "at_least: 600 s", 13, "load.at_least: at_least 10 min is over at_most 5 min", "a longer at_most"),
        (", bursts: independent", "", 13, "load.bursts is missing", "add it"),
        ("bursts: independent", "bursts: {block: 30}", 13, "load.bursts is {'block': 30}", "'independent'"),
        ("at_least: 0.94", "at_least: 94", 15, "quality[0].at_least is 94", "less than 1"),
        ("margin: 0.02", "margn: 0.02", 16, "quality[1].margn is not a known key", "did you mean margin?"),
        ("metric: accuracy, versus", "metric: f1, versus", 16, "quality[1].metric is 'f1'", "'accuracy'"),
        ("shape: [-1, 8, 8]", "shape: [8, 8]", 7, "must start with -1", ""),
        ("at_least: 0, at_most: 16", "at_least: 16, at_most: 0", 7, "at_least 16.0 is over at_most 0.0", ""),
        (
            "dtype: float32, shape: [-1, 8, 8], at_least: 0, at_most: 16",
            "dtype: uint8, shape: [-1], at_least: 300",
            7,
            "no uint8 keeps",
            "300",
        ),
        (
            "dtype: float32, shape: [-1, 8, 8], at_least: 0, at_most: 16",
            "dtype: uint8, shape: [-1], at_most: -1",
            7,
            "no uint8 keeps",
            "-1",
        ),
        ("float32, shape: [-1, 8, 8], at_least: 0, at_most: 16", "int64, shape: [-1], at_least: 0.5, at_most: 0.7", 7, "no int64", "0.7"),
        ("at_least: 0, at_most: 16", "at_least: 1.0e+39", 7, "no float32 keeps", "1e+39"),
        ("shape: [-1, 8, 8]", "shape: [-1, 0, 8]", 7, "sides of at least 1", "[-1, 0, 8]"),
        ("shape: [-1, 10]", "shape: [-1, -10]", 8, "sides of at least 1", "[-1, -10]"),
        ("bearer: ENDPOINT_TOKEN", "client_key: KEY", 9, "client_certificate and client_key go together", ""),
        ("bearer: ENDPOINT_TOKEN", "client_certificate: CERTIFICATE", 9, "client_certificate and client_key go together", ""),
        ("answer: argmax", "answer: none", 8, "answer none takes one number a case", "argmax"),
        ("bearer: ENDPOINT_TOKEN", "bearer: s3cr3t-token", 9, "interface.auth.bearer is wrong", "bearer: ENDPOINT_TOKEN"),
        ("bearer: ENDPOINT_TOKEN", "baerer: ENDPOINT_TOKEN", 9, "interface.auth.baerer is not a known key", "did you mean bearer?"),
        ("bearer: ENDPOINT_TOKEN", "token: ENDPOINT_TOKEN", 9, "interface.auth has a key that is not known", "keys here: bearer, ca"),
        ("bearer: ENDPOINT_TOKEN", "headers: {X-Schlüssel: KEY}", 9, "interface.auth.headers is wrong", "such as X-Api-Key"),
        ("bearer: ENDPOINT_TOKEN", 'headers: {"X:Key": KEY}', 9, "interface.auth.headers is wrong", "such as X-Api-Key"),
        ("bearer: ENDPOINT_TOKEN", 'headers: {"": KEY}', 9, "interface.auth.headers is wrong", "such as X-Api-Key"),
        ("bearer: ENDPOINT_TOKEN", "headers: {X Key: KEY}", 9, "interface.auth.headers is wrong", "such as X-Api-Key"),
        ("bearer: ENDPOINT_TOKEN", r'headers: {"X-A\r\nX-B": KEY}', 9, "interface.auth.headers is wrong", "such as X-Api-Key"),
        ("bearer: ENDPOINT_TOKEN", r'headers: {"X-A\n": KEY}', 9, "interface.auth.headers is wrong", "such as X-Api-Key"),
        ("bearer: ENDPOINT_TOKEN", "headers: {1: KEY}", 9, "interface.auth.headers is wrong", "such as X-Api-Key"),
        ("bearer: ENDPOINT_TOKEN", "headers: {Host: KEY}", 9, "interface.auth.headers.Host: every request carries that", "leave it out"),
        ("bearer: ENDPOINT_TOKEN", "headers: {Content-Length: KEY}", 9, "headers.Content-Length: every request carries", "leave it out"),
        ("bearer: ENDPOINT_TOKEN", "headers: {content-type: KEY}", 9, "headers.content-type: every request carries", "leave it out"),
        ("bearer: ENDPOINT_TOKEN", "headers: {Transfer-Encoding: KEY}", 9, "headers.Transfer-Encoding: every", "leave it out"),
        ("bearer: ENDPOINT_TOKEN", "headers: {Connection: KEY}", 9, "headers.Connection: every request carries", "leave it out"),
        ("bearer: ENDPOINT_TOKEN", "headers: {X-Key: A, x-key: B}", 9, "auth.headers.x-key: is the same header as X-Key", "keep one of"),
        (
            "bearer: ENDPOINT_TOKEN",
            "bearer: ENDPOINT_TOKEN, headers: {Authorization: KEY}",
            9,
            "interface.auth.headers.Authorization: is the same header as bearer",
            "keep one of the two",
        ),
        ("at_most: 200 ms", "at_most: 0 ms", 11, "no answer takes 0 ms", "50 ms"),
        ("alpha: 0.01\n", "alpha: .nan\n", 17, "alpha is nan", "finite"),
        ("at_least: 0.94", "at_least: .nan", 15, "quality[0].at_least is nan", "finite"),
        ("at_least: 0, at_most: 16", "at_least: .nan, at_most: 16", 7, "interface.input.image.at_least is nan", "finite"),
        ("at_least: 0, at_most: 16", "at_least: 0, at_most: .inf", 7, "interface.input.image.at_most is inf", "finite"),
        ("name: error-rate", "name: latency-p99", 12, "objectives[1].name: 'latency-p99' is taken", "names must differ"),
        ("name: no-worse", "name: latency-p99", 16, "quality[1].name: 'latency-p99' is taken", "names must differ"),
        ("name: accuracy", "name: contract", 15, "quality[0].name: 'contract' is taken", "names must differ"),
        ("apiVersion: mlgate/v1", "apiVersion: mlgate/v2", 1, "apiVersion is 'mlgate/v2'", "'mlgate/v1'"),
        ("alpha: 0.01\n", "alpha: 0\n", 17, "alpha is 0", "greater than 0"),
        ("owner: vision", "owner: vision, owner: speech", 3, "metadata.owner stands here a second time", "keep one"),
    ],
)
def test_a_mistake_is_named_with_line_value_and_remedy(
    read: Reader, declaration: str, right: str, wrong: str, line: int, found: str, accepted: str
) -> None:
    assert right in declaration
    with pytest.raises(DeclarationError) as caught:
        read(declaration.replace(right, wrong, 1))
    message = str(caught.value)
    assert f"service.yaml:{line}: " in message
    assert found in message
    assert accepted in message


@pytest.mark.parametrize(
    "wrong",
    [
        "auth: {bearer: s3cr3t-token}",
        "auth: {bearer: [s3cr3t-token]}",
        "auth: {headers: {X-Key: s3cr3t-token}}",
        "auth: {headers: s3cr3t-token}",
        "auth: {headers: {'Authorization: Bearer s3cr3t-token': KEY}}",
        "auth: {headers: {'Authorization: Bearer s3cr3t-token'}}",
        "auth: {headers: {X-Key s3cr3t-token: s3cr3t-token}}",
        "auth: {Bearer s3cr3t-token: KEY}",
        "auth: {s3cr3t-token}",
        "auth: {bearer-s3cr3t: KEY}",
        "auth: s3cr3t-token",
    ],
)
def test_a_secret_typed_where_its_variable_belongs_is_not_repeated(read: Reader, declaration: str, wrong: str) -> None:
    with pytest.raises(DeclarationError, match=r"interface\.auth") as caught:
        read(declaration.replace("auth: {bearer: ENDPOINT_TOKEN}", wrong))
    assert "s3cr3t" not in str(caught.value)
    assert not any("s3cr3t" in problem.found + problem.expected for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("where", "wrong", "expected"),
    [
        ("interface", "interface: [{auth: {bearer: s3cr3t-token}}]", "input should be a valid dictionary or instance of Interface"),
        ("interface", "interface: s3cr3t-token", "input should be a valid dictionary or instance of Interface"),
        ("the document", "- interface: {auth: {bearer: s3cr3t-token}}", "input should be a valid dictionary or instance of Service"),
    ],
)
def test_nor_is_one_that_stands_in_a_part_of_the_wrong_type(read: Reader, declaration: str, where: str, wrong: str, expected: str) -> None:
    head, _ = declaration.split("interface:")
    with pytest.raises(DeclarationError) as caught:
        read(wrong if where == "the document" else head + wrong + "\n")
    assert "s3cr3t" not in str(caught.value)
    (problem,) = [problem for problem in caught.value.problems if problem.found.startswith(f"{where} is wrong")]
    assert problem.expected == expected


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file(read: Reader, declaration: str) -> None:
    wrong = declaration.replace("workers: 2", "workers: 0").replace("200 ms", "200").replace("0.94", "1.5")
    with pytest.raises(DeclarationError) as caught:
        read(wrong)
    assert [problem.where.rsplit(":", 1)[1] for problem in caught.value.problems] == ["4", "11", "15"]


def test_objectives_without_load_are_refused(read: Reader, declaration: str) -> None:
    lines = [line for line in declaration.splitlines() if not line.startswith("load:")]
    with pytest.raises(DeclarationError, match=r"service\.yaml:10: objectives: objectives need a load") as caught:
        read("\n".join(lines))
    assert "add load" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "42",
        "a: [",
        "\tx: 1",
        "kind: Service",
        "name: {{ service }}",
        "[a, b]: 1",
        "a: &x [*x]",
        "a: &x {b: {c: *x}}",
        "[" * 5000,
        "a: !!bool maybe",
        "a: !!timestamp noon",
    ],
)
def test_a_file_that_is_no_declaration_is_refused_without_a_traceback(read: Reader, text: str) -> None:
    with pytest.raises(DeclarationError, match=r"service\.yaml"):
        read(text)


def test_a_template_that_was_not_rendered_is_named_with_its_line(read: Reader, declaration: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read(declaration.replace("name: digits,", "name: {{ service }},"))
    assert "service.yaml:3: a mapping is a key in metadata.name" in str(caught.value)
    assert "a template that was not rendered?" in str(caught.value)


def test_an_alias_of_what_it_stands_in_is_named_with_its_line(read: Reader, declaration: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        read(declaration + "a: &x\n  b: 1\n  c: [*x]\n")
    assert "service.yaml:19: a.c[0] is an alias of what it stands in" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="there is no such file"):
        Service.read(tmp_path / "none.yaml")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DeclarationError, match="cannot be read"):
        Service.read(path)


@given(st.text(max_size=80))
def test_any_text_is_either_read_or_refused_in_our_words(text: str) -> None:
    try:
        value, lines = parse_yaml(text, "here")
    except DeclarationError as error:
        assert str(error).startswith("here")  # noqa: PT017 (either outcome is right, each has its own claim)
    else:
        assert lines[()] == 1
        assert value is None or isinstance(value, str | int | float | bool | list | dict | object)
