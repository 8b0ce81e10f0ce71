"""The main job on this machine: train, pack, deploy, gate and promote four releases of a digits classifier. Two are good, two are not.

Leaves with 0 when the gates promote 1 and 2 and refuse 3 (quality) and 4 (latency). Ctrl-C stops what runs; the same command goes on.

Example: mlgate demo
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import typer

from mlgate_cli.output import JsonFlag, print_json, print_table, progress_since, say


def command(as_json: JsonFlag = False) -> None:
    from mlgate_cli.story import CHAPTERS, Story

    begin = time.monotonic()
    story = Story(Path.cwd(), progress_since(begin))
    with story.running() as watch:
        before = len(story.told)
        for chapter in CHAPTERS:
            if chapter.release not in story.told and not story.unexpected:
                story.tell(chapter, watch)
    told = [story.told[chapter.release] for chapter in CHAPTERS if chapter.release in story.told]
    report = next((item.report for item in reversed(told) if item.promoted), told[-1].report)
    keys = ("release", "verdict", "promoted", "decided_by", "requests", "seconds")
    if as_json:
        print_json({"releases": [{key: getattr(item, key) for key in keys} for item in told], "report": report})
    else:
        rows = [
            (
                item.release,
                chapter.about,
                item.verdict,
                "promoted" if item.promoted else "refused",
                item.decided_by,
                f"{item.requests:,}",
                f"{item.seconds:.1f}",
            )
            for item, chapter in zip(told, CHAPTERS, strict=False)
        ]
        print_table("", ["release", "", "verdict", "", "decided by", "requests", "seconds"], rows, right=["requests", "seconds"])
        if len(told) > before:
            calls = watch.answered + watch.failed
            say(f"stable answered {watch.answered:,} of {calls:,} calls meanwhile; {time.monotonic() - begin:.0f} s in all")
        else:
            say("all of it was done by an earlier run, which was interrupted before it could show this")
        for item in told:
            say(f"report of release {item.release}: {os.path.relpath(item.report)}")
        say("what it leaves, and how to check it: docs/quickstart.md")
    wrong = []
    if odd := story.unexpected:
        again = "starts anew with all four" if odd.promoted else "gates it again (from the beginning: rm -r .mlgate/demo)"
        wrong.append(
            f"release {odd.release} was not expected to end with {odd.verdict} by {odd.decided_by}\n"
            f"  -> see its report; the same command, best on a quiet machine, {again}"
        )
    if watch.failed:
        wrong.append(f"{watch.failed:,} calls of the stable URL failed\n  -> see above which server ended, and run it again")
    elif not watch.answered and not wrong and len(told) > before:
        wrong.append("nobody called the stable URL\n  -> run it again, and report this: it is a mistake of the demo's")
    for words in wrong:
        sys.stderr.write(f"mlgate: {words}\n")
    sys.stdout.flush()
    story.shown()
    if wrong:
        raise typer.Exit(1)
