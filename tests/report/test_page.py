"""What the page says for each way that a gate can end."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mlgate_loadtests.recording import read_observations

SCENARIOS = ["pass", "fail-quality", "fail-latency", "void", "inconclusive", "first-release", "both-arms"]
VERDICTS = {"pass": "PASS", "fail-quality": "FAIL", "fail-latency": "FAIL", "void": "VOID", "inconclusive": "INCONCLUSIVE"}


@pytest.mark.parametrize(("scenario", "verdict"), VERDICTS.items())
def test_the_verdict_is_the_first_heading_and_the_title_begins_with_it(render, parse, scenario, verdict):
    page = parse(render(scenario))
    headings = [tag for tag, _ in page.tags if tag in ("h1", "h2", "h3")]
    assert page.all("h1") == [verdict]
    assert headings[0] == "h1"
    assert page.all("title")[0].startswith(verdict)


@pytest.mark.parametrize(
    ("scenario", "why"),
    [
        ("pass", "Every required check proved its claim."),
        ("fail-quality", "Decided by accuracy: 812 of 900 cases are right, which proves an accuracy under 0.94."),
        ("void", "Wrong digest served:"),
    ],
)
def test_one_sentence_says_why(render, parse, scenario, why):
    assert why in parse(render(scenario)).text


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sections_come_in_the_readers_order_and_headings_skip_no_level(render, parse, scenario):
    page = parse(render(scenario))
    order = [
        "Checks",
        "Evidence over time",
        "Latency",
        "Confusion",
        "Slices",
        "Wrong answers to look at",
        "Can the measurement be trusted?",
        "Everything to do it again",
        "What alpha means here",
    ]
    found = page.all("h2")
    assert found == [heading for heading in order if heading in found]
    assert {"Checks", "Can the measurement be trusted?", "Everything to do it again", "What alpha means here"} <= set(found)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


UNITS = {"": 1.0, "%": 0.01, "ns": 1.0, "µs": 1e3, "ms": 1e6, "s": 1e9}


def number_in(cell: str) -> float:
    """The number that a cell begins with, in shares or in ns."""
    found = re.match(r"([+−]?[\d,.]+)(?: (%|ns|µs|ms|s))?(?![\d.])", cell)  # noqa: RUF001 (the sign that stands on the page)
    assert found, cell
    return float(found[1].replace("−", "-").replace(",", "")) * UNITS[found[2] or ""]  # noqa: RUF001


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_check_has_a_row_with_claim_verdict_estimate_requests_and_reason(render, parse, scenario):
    facts = {}
    _, *lines = parse(render(scenario, facts.update)).tables["The checks of this gate"]
    result = facts["result"]
    for finding, (name, verdict, estimate, _, requests, why) in zip(result["findings"], lines, strict=True):
        assert name == f"{finding['name']}{finding['claim']}"
        assert verdict == (finding["verdict"] or "not run")
        if finding["estimate"] is None:
            assert estimate == "–"  # noqa: RUF001 (a dash on the page)
        else:
            assert number_in(estimate) == pytest.approx(finding["estimate"], rel=5e-3, abs=5e-5)
        assert requests == f"{finding['requests']:,}"
        reason, _, missing = why.partition("Missing: ")
        if finding["verdict"] is None:
            assert reason == "Another check had decided already."
        elif finding["reason"] == result["reason"]:
            assert reason == "For the reason above."
        else:
            assert reason == f"{finding['reason'][:1].upper()}{finding['reason'][1:]}."
        assert missing == (finding["missing"] or "")


def test_the_rows_of_a_gate_that_passed_say_in_numbers_what_was_found(render, parse):
    lines = {cells[0]: cells for cells in parse(render("pass")).tables["The checks of this gate"]}
    _, verdict, estimate, _, requests, why = next(cells for name, cells in lines.items() if name.startswith("accuracy"))
    assert (verdict, requests) == ("PASS", "900")
    assert estimate.startswith("0.9744over 0.9")
    assert why.startswith("877 of 900 cases are right")
    _, verdict, estimate, *_ = next(cells for name, cells in lines.items() if name.startswith("no-worse"))
    assert (verdict, estimate) == ("PASS", "+0.0033")


def test_evidence_stands_beside_what_it_needs_for_both_ends(render, parse):
    text = parse(render("pass")).text
    assert "PASS p = 9.2 × 10⁻⁷ ≤ 0.008 ✓" in text  # noqa: RUF001 (the sign that stands on the page)
    assert "FAIL p = 1 ≤ 0.002" in text
    assert "≥ 125 ✓" in text
    assert "≥ 500" in text


def test_a_check_that_was_not_run_says_so_and_claims_nothing(render, parse):
    text = parse(render("fail-quality")).text
    assert text.count("not run") == 2
    assert text.count("Another check had decided already.") == 2


def test_a_void_page_says_once_why_and_warns_of_its_numbers(render, parse):
    text = parse(render("void")).text
    assert text.count("Wrong digest served") == 1
    assert text.count("For the reason above.") == 5
    assert "Nothing can be concluded from them." in text
    assert "wrong digest served: 5,099 answers" in text  # among the problems of the measurement


def test_a_first_release_names_what_was_left_out_and_compares_with_nothing(render, parse):
    text = parse(render("first-release")).text
    assert "First release. The ledger knows no stable release on local, so what compares with one was left out: no-worse." in text
    assert "Compared withnothing: this is the first release" in text
    assert "--first-release" in text


LOADED, ASKED = "Latency quantiles under load", "Latency quantiles while the hold-out was asked"


def test_both_arms_are_shown_by_the_holdout_where_only_one_was_under_load(render, parse):
    page = parse(render("pass"))
    assert "Only the candidate was under load." in page.text
    assert page.tables[LOADED][0] == ["Quantile", "candidate", "declared"]
    assert page.tables[ASKED][0] == ["Quantile", "candidate", "stable"]
    assert page.all("h3").index("Under load") < page.all("h3").index("While the hold-out was asked")


def test_both_arms_are_shown_under_load_where_both_were(render, parse):
    page = parse(render("both-arms"))
    assert "Only the candidate was under load." not in page.text
    assert page.tables[LOADED][0] == ["Quantile", "candidate", "stable", "declared"]
    assert ASKED not in page.tables


def test_a_first_release_is_compared_with_nothing(render, parse):
    tables = parse(render("first-release")).tables
    assert LOADED in tables
    assert ASKED not in tables


def test_a_case_of_the_holdout_asked_again_after_a_kill_has_one_latency(render, parse, evidence_of):
    rows = read_observations(evidence_of("pass") / "observations.parquet")
    asked = rows.filter(pc.and_(pc.equal(rows["check"], "quality:holdout"), pc.equal(rows["arm"], "stable"))).slice(0, 5).to_pylist()
    lost = [row | {"run": 0, "status": 0, "done_ns": 0, "answer": None, "score": None, "error": "lost"} for row in asked]
    again = pa.concat_tables([rows, pa.Table.from_pylist(lost, schema=rows.schema)])
    once, twice = (parse(render("pass", rows=table)).tables[ASKED] for table in (rows, again))
    assert once == twice
    assert once[-1] == ["failed", "0", "0"]


def test_a_quantile_that_the_requests_are_too_few_for_is_not_told(render, parse):
    names = {scenario: [line[0] for line in parse(render(scenario)).tables[LOADED]] for scenario in ("pass", "inconclusive")}
    assert "p99.9" in names["pass"]
    assert "p99.9" not in names["inconclusive"]


def test_nothing_is_said_about_load_where_none_was_driven(render, parse):
    page = parse(render("fail-quality"))
    assert "Under load" not in page.all("h3")
    assert "was under load" not in page.text
    assert ASKED in page.tables
    assert "Evidence over time" not in page.all("h2")


@pytest.mark.parametrize(("arm", "wrong"), [("candidate", 23), ("stable", 26)])
def test_the_confusion_matrix_counts_every_case_once(render, parse, arm, wrong):
    facts = {}
    tables = parse(render("pass", facts.update)).tables
    head, *lines = tables[f"{arm.capitalize()}{wrong} of 900 answered wrongly"]
    digits = [str(digit) for digit in range(10)]
    assert (head[1:], [line[0] for line in lines]) == (digits, digits)
    counts = [[int(cell) for cell in line[1:]] for line in lines]
    assert counts == [row[:10] for row in facts["confusion"][arm]]
    assert sum(map(sum, counts)) == 900
    assert sum(counts[digit][digit] for digit in range(10)) == 900 - wrong


def test_answers_that_never_came_have_a_column_of_their_own(render, parse):
    def lose(predicate):
        counts = predicate["confusion"]["candidate"]
        counts[3][3], counts[3][10] = counts[3][3] - 4, 4

    assert "no answer" in parse(render("pass", lose)).all("th")
    assert "no answer" not in parse(render("pass")).all("th")


def test_a_service_that_answers_with_numbers_has_no_confusion_matrix(render, parse):
    def numbers(predicate):
        predicate["confusion"] = None

    assert "Confusion" not in parse(render("pass", numbers)).all("h2")


def test_a_declaration_of_another_version_is_shown_as_it_was_signed(render, parse):
    def other(predicate):
        predicate["plan"]["declaration"] = {"apiVersion": "mlgate/v9", "alpha": 0.01, "novelty": ["x"]}

    assert "novelty" in parse(render("pass", other)).all("pre")[-1]
    assert parse(render("pass")).all("pre")[-1].startswith("apiVersion: mlgate/v1 kind: Service metadata: name: digits")


def test_slices_say_that_they_never_gate(render, parse):
    page = parse(render("pass"))
    assert "Reported, never gating" in page.text
    assert "By digit" in page.all("h3")


def test_a_column_that_slices_two_samples_is_told_of_each(render, parse):
    def other(predicate):
        predicate["slices"]["night"] = {"digit": [{"value": "7", "cases": 200, "right": 150}]}

    page = parse(render("pass", other))
    assert {"By digit of holdout", "By digit of night"} <= set(page.all("h3"))
    assert "0.750" in page.text


def test_pictures_name_label_and_answer_and_why_these_may_be_seen(render, parse):
    page = parse(render("pass"))
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 7
    assert images[0]["alt"] == "image of case digits-0903, 8 by 8 pixels: is 8, answered 1"
    assert "so that nobody tunes a model to the cases that judge it" in page.text
    assert "7 of the 150 asked were answered wrongly." in page.text


def test_wrong_answers_are_counted_by_the_rows_however_few_are_shown(render, parse, evidence_of):
    look = json.loads((evidence_of("pass") / "look.json").read_bytes())
    assert "7 of the 150 asked were answered wrongly. The first 3 are shown." in parse(render("pass", look=look[:3])).text


def test_a_case_asked_again_after_a_kill_counts_once(render, parse, evidence_of):
    rows = read_observations(evidence_of("pass") / "observations.parquet")
    lost = rows.filter(pc.equal(rows["check"], "look:look")).slice(0, 5).to_pylist()
    again = [row | {"run": row["run"] + 9, "status": 0, "answer": None, "score": None, "error": "lost"} for row in lost]
    rows = pa.concat_tables([rows, pa.Table.from_pylist(again, schema=rows.schema)])
    assert "7 of the 150 asked were answered wrongly. " in parse(render("pass", rows=rows)).text


def test_the_page_explains_why_there_are_no_pictures_after_an_early_failure(render, parse):
    assert "None was asked: something had failed before." in parse(render("fail-quality")).text


def test_everything_to_reproduce_is_there(render, parse):
    facts = {}
    page = parse(render("pass", facts.update))
    plan = facts["plan"]
    for needed in (
        "mlgate verify . --trust ../../trust.yaml",
        f"mlgate gate service.yaml --release {plan['subject']['release']}",
        plan["subject"]["configuration"],
        plan["stable"]["release"],
        facts["plan_digest"],
        facts["observations"]["digest"],
        facts["ledger"]["head"],
        str(plan["seed"]),
        f"schedule seed {plan['load']['schedule_seed']}",
        "Poisson arrivals at 200/s",
        *(sample["digest"] for sample in plan["samples"]),
        "python train.py --epochs 40 --seed 7 --output model/",
        facts["lineage"]["code_commit"],
        "epochs = 40, learning_rate = 0.002, width = 32",
        "numpy 2.4.6",
        "1, which may use alpha 0.008, 80 % of the declared 0.01",
        "take slow and failed requests to come independently of one another",
    ):
        assert needed in page.text


def test_alpha_is_explained_with_this_gates_own_numbers(render, parse):
    text = parse(render("pass")).text
    assert "this gate would still have said PASS with a chance of at most 0.8 %" in text
    assert "all gates of this release on local together with at most 1 %" in text
    assert "where requests fail or slow down in bursts, the chance is higher" in text


def test_an_endpoint_judged_by_its_address_gets_the_commands_that_fit(render, parse):
    def foreign(predicate):
        plan = predicate["plan"]
        plan["subject"] = {"url": "https://models.example.com/a b", "release": None, "configuration": None}
        plan["stable"] = {"url": "https://models.example.com/old", "release": None, "configuration": None}
        predicate["lineage"] = None

    text = parse(render("pass", foreign)).text
    assert "mlgate gate service.yaml --candidate 'https://models.example.com/a b' --stable https://models.example.com/old" in text
    assert "all gates of what answers at this address on local" in text
    assert "the evidence holds no lineage" in text


def test_what_was_sent_is_told_by_phase_and_the_contracts_own_errors_are_none(render, parse):
    text = parse(render("pass")).text
    assert "contractcandidate1000" in text.replace(" ", "")
    assert "status 503 Service Unavailable" in text
    assert "status 400" not in text


def test_health_that_a_later_version_adds_is_shown_and_not_dropped(render, parse):
    def add(predicate):
        predicate["result"]["health"] |= {"settled_ns": 1500, "restarts": 2, "pinned": True, "governor": None}

    text = parse(render("pass", add)).text
    for said in ("Settled1.5 µs", "Restarts2", "Pinnedyes", "Governor–"):  # noqa: RUF001 (a dash on the page)
        assert said in text


def test_a_resumed_gate_tells_when(render, parse):
    def resume(predicate):
        predicate["resumed_ns"] = predicate["finished_ns"] - 30 * 10**9

    assert "interrupted, resumed 2026-10-02 14:03:05 UTC, 30 s" in parse(render("pass", resume)).text


def test_a_gate_without_load_claims_nothing_about_bursts(render, parse):
    def without(predicate):
        predicate["plan"]["load"] = None
        predicate["plan"]["checks"] = predicate["plan"]["checks"][:3]

    text = parse(render("fail-quality", without)).text
    assert "bursts" not in text.split("The declaration, as it was")[0]
    assert "a fair sample of what the service will be asked" in text


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_page_needs_neither_network_nor_script(render, parse, scenario):
    html = render(scenario)
    page = parse(html)
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "object", "embed", "form", "base")]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    links = [attributes[name] for _, attributes in page.tags for name in ("href", "src", "action", "data") if name in attributes]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert "@import" not in html
    assert "url(" not in html
    policy = next(attributes["content"] for _, attributes in page.tags if attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_tables_pictures_and_landmarks_have_names(render, parse, scenario):
    page = parse(render(scenario))
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in page.tags if tag == "th")
    assert len(page.all("caption")) == len(page.all("table"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.tags:
        if tag == "svg" and attributes.get("role") == "img":
            assert set(attributes["aria-labelledby"].split()) <= set(ids)
        elif tag == "svg":
            assert attributes.get("aria-hidden") == "true" or "viewbox" in attributes or "class" in attributes
        if tag == "section":
            assert attributes["aria-labelledby"] in ids
        if attributes.get("class") == "scroll":
            assert (attributes["role"], attributes["tabindex"]) == ("region", "0")
            assert attributes["aria-label"]
    tags = [tag for tag, _ in page.tags]
    assert tags.count("main") == 1
    assert tags.count("footer") == 1
    assert dict(page.tags)["html"]["lang"] == "en"


def test_the_same_evidence_gives_the_same_page(render):
    assert render("pass") == render("pass")


def test_ten_times_the_rows_give_no_larger_page(render, evidence_of):
    rows = read_observations(evidence_of("pass") / "observations.parquet")
    assert len(render("pass", rows=pa.concat_tables([rows] * 10))) < 1.1 * len(render("pass"))


def test_rows_in_any_order_give_the_same_page(render, evidence_of):
    rows = read_observations(evidence_of("both-arms") / "observations.parquet")
    backwards = rows.take(pa.array(range(len(rows) - 1, -1, -1)))
    assert render("both-arms", rows=backwards) == render("both-arms")


def test_the_template_and_its_style_lie_inside_the_package():
    from mlgate_gates import report

    assert {path.name for path in (Path(report.__file__).parent / "templates").iterdir()} == {"charts.html.j2", "page.html.j2", "style.css"}
