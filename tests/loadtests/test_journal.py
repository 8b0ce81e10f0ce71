"""The journal: readable while it grows, and up to the last whole batch wherever it is cut."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_loadtests.journal import JOURNAL_SCHEMA, JournalReader, JournalWriter, journal_path


def batch(*arrivals: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"arrival": arrival, "arm": "candidate"} for arrival in arrivals], JOURNAL_SCHEMA)


BATCHES = [batch(0, 2), batch(1), batch(3, 4, 5)]


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("journal")
    writer = JournalWriter(folder, 0)
    sizes = []
    for each in BATCHES:
        writer.append(each)
        sizes.append(journal_path(folder, 0).stat().st_size)
    writer.close()
    return folder, sizes


def test_any_arrow_reader_reads_it(journal):
    with pa.ipc.open_stream(journal_path(journal[0], 0)) as stream:
        assert [each.num_rows for each in stream] == [2, 1, 3]


def test_it_is_followed_while_it_grows(tmp_path):
    reader = JournalReader(tmp_path, 3)
    assert reader.read() == []
    writer = JournalWriter(tmp_path, 3)
    assert reader.read() == []
    for each in BATCHES:
        writer.append(each)
        assert reader.read() == [each]
    assert reader.read() == []
    writer.close()


@given(st.data())
def test_wherever_it_is_cut_the_whole_batches_before_are_read_and_the_rest_once_it_is_there(journal, tmp_path_factory, data):
    source, sizes = journal
    content = journal_path(source, 0).read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    folder = tmp_path_factory.mktemp("cut")
    path = journal_path(folder, 0)
    path.write_bytes(content[:cut])
    reader = JournalReader(folder, 0)
    whole = sum(size <= cut for size in sizes)
    assert reader.read() == BATCHES[:whole]
    path.write_bytes(content)
    assert reader.read() == BATCHES[whole:]


def test_an_earlier_runs_rows_are_never_replaced(journal):
    with pytest.raises(FileExistsError):
        JournalWriter(journal[0], 0)
