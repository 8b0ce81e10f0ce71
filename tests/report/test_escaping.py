"""Text from data is text on the page, whatever it holds: the page has the same elements for a nasty name as for a plain one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate_loadtests.recording import SCHEMA, read_observations

NASTY = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '" onfocus="alert(1)" autofocus="',
    "' onmouseover='alert(1)",
    "]]><svg/onload=alert(1)>",
    "<!-- --><base href=//evil.example>",
    "javascript:alert(1)",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "{{ page }} {% raw %} {# x #}",
    "\u202eabc\u2066def\u200b",
    "a" * 3000,
    "line\nbreak\ttab",
    "\x00\x07\x1b[31m",
]


def _poisoned(render, evidence_of, text):
    """A page in which every free text of evidence, rows, cases and envelope is `text`."""

    def change(predicate):
        plan, result = predicate["plan"], predicate["result"]
        plan["stage"] = plan["service"] = plan["attempt"] = plan["mlgate"] = text
        plan["subject"]["url"] = plan["stable"]["url"] = text
        plan["samples"][0]["data"] = text
        plan["declaration"] = {text: [text], "alpha": 0.01}
        result["reason"] = result["decided_by"] = text
        result["health"] |= {"problems": [text], "note": text}
        for finding in result["findings"]:
            finding |= {"name": text, "kind": text, "claim": text, "reason": f"{text}!", "missing": text}
        predicate["plan_digest"] = predicate["observations"]["digest"] = predicate["ledger"]["head"] = text
        predicate["confusion"]["labels"][0] = text
        predicate["slices"] = {name: {text: [{"value": text, "cases": 3, "right": 2}]} for name in (text, "other")}
        predicate["versions"] = {text: text}
        lineage = predicate["lineage"]
        lineage["training_data"] = {text: lineage["training_data"]["data/train.parquet"]}
        lineage["code_commit"] = lineage["command"] = text
        lineage["hyperparameters"] = {text: text}

    rows = read_observations(evidence_of("pass") / "observations.parquet").slice(0, 40)
    table = rows.to_pydict() | {"error": [text] * len(rows), "case_id": [text] * len(rows), "served_digest": [text] * len(rows)}
    table |= {"check": [text] * len(rows), "arm": [text] * len(rows)}
    look = [
        {"case_id": text, "label": 1.0, "answer": 2.0, "field": text, "shape": [2, 2], "values": [0, 1, 2, 3]},
        {"case_id": text, "label": 1.0, "answer": 2.0, "field": text, "shape": [3], "values": [0, 1, 2]},
    ]
    return render("pass", change, rows=rows.from_pydict(table, schema=SCHEMA), look=look, keyids=[text])


def _elements(page):
    return [(tag, sorted(attributes)) for tag, attributes in page.tags]


@pytest.mark.parametrize("text", NASTY)
def test_a_nasty_text_changes_no_element_of_the_page(render, evidence_of, parse, text):
    page = parse(_poisoned(render, evidence_of, text))
    assert _elements(page) == _elements(parse(_poisoned(render, evidence_of, "plain")))
    assert " ".join(text.split()) in page.text


def test_no_text_at_all_changes_an_element_of_the_page(render, evidence_of, parse):
    plain = _elements(parse(_poisoned(render, evidence_of, "plain")))

    @settings(max_examples=40, deadline=None)
    @given(text=st.text(min_size=1, max_size=60))
    def unchanged(text):
        assert _elements(parse(_poisoned(render, evidence_of, text))) == plain

    unchanged()


def test_text_reaches_attributes_whole(render, evidence_of, parse):
    text = "\"><b>'&amp;"
    images = [attributes for tag, attributes in parse(_poisoned(render, evidence_of, text)).tags if tag == "img"]
    assert images[0]["alt"] == f"{text} of case {text}, 2 by 2 pixels: is 1, answered 2"
