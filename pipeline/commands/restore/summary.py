"""What is said at the end, of photos and films together."""

from pathlib import Path

from pipeline.commands.restore.film.run import in_sentences
from pipeline.commands.restore.recognise import SUMMARY
from pipeline.commands.restore.walk import Skipped, in_words
from pipeline.commands.restore.words import IDENTITY
from pipeline.runtime.terminal import counted, say
from pipeline.store.files import write_json


def print_summary(summary: dict, skipped: list[Skipped], out: Path) -> None:
    """Say what failed or stayed, and count."""
    for result in summary["results"]:
        if result["status"] != "restored":
            say(f"{result['status']}: {result['photo']}: {result['reason']}")
    if "films" in summary:
        say("\n".join(in_sentences(summary["films"])))
    photos, faces = summary["photos"], summary["faces"]
    if photos["in"]:
        say(
            f"{counted(photos['in'], 'photo')}: {photos['restored']} restored, {photos['unchanged']} unchanged, "
            f"{photos['failed']} failed; {counted(faces['found'], 'face')}: {faces['restored']} restored, "
            f"{faces['not_restored']} not. {counted(summary['warnings'], 'warning')}, in the records."
        )
    say(f"Results: {out}")
    if skipped:
        say(in_words(skipped))
    if "seconds" in summary and photos["in"]:
        say("seconds: " + ", ".join(f"{step} {spent:.2f}" for step, spent in summary["seconds"].items()))
    say(IDENTITY)


def write_summary(summary: dict, out: Path) -> int:
    """Write the summary, once it is said; returns the exit code."""
    try:
        write_json(out / SUMMARY, summary)
    except OSError as error:
        say(f"restore: results are there, each as its record says; the summary is not: {error}", to_stderr=True)
        return 1
    films = summary.get("films", {})
    return 1 if summary["photos"]["failed"] or films.get("failed") or films.get("cut_off") else 0
