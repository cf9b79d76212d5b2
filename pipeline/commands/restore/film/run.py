"""All films of a plan, one after the other, and what is said of them together."""

from collections import Counter
from dataclasses import replace

from pipeline.commands.restore.face import RESTORED
from pipeline.commands.restore.film.films import FilmPasses
from pipeline.commands.restore.finish import FAILED, UNCHANGED
from pipeline.commands.restore.inputs import InputError, Plan
from pipeline.commands.restore.networks.runnable import RunnableNetwork
from pipeline.commands.restore.options import Options
from pipeline.commands.restore.recognise import is_film
from pipeline.commands.restore.run import count_threads, describe, make_writable
from pipeline.runtime.cores import usable_cores
from pipeline.runtime.terminal import counted

STOPPED = "a film that was begun goes on where it stopped when the same is started again"


def apart(plan: Plan, options: Options) -> tuple[Plan, Plan]:
    """The plan of the photos, and that of the films. Raises InputError for options that make no sense of a film."""
    films = [job for job in plan.jobs if is_film(job.source)]
    for given, name in (
        (options.aligned, "--aligned"),
        (options.faces_only, "--faces-only"),
        (options.compare, "--compare"),
        (options.format is not None, "--format"),
    ):
        if films and given:
            raise InputError(f"{name} is for photos: leave it out, name the films apart, or take stills by --every")
    return replace(plan, jobs=[job for job in plan.jobs if job not in films]), replace(plan, jobs=films)


def restore_films(films: Plan, networks: dict[str, RunnableNetwork], options: Options, whole: Plan) -> dict:
    """Restore films; returns what the summary says of them. whole: photos and films, of which nothing is replaced.

    Raises as `restore_photos` does. A film that fails is recorded, the others are done.
    """
    make_writable(options.out)
    described = {task: describe(one) for task, one in networks.items()}
    threads = count_threads([one.device for one in networks.values()], usable_cores())[0]
    passes = FilmPasses(networks, described, options, set(whole.kept), threads)
    records = [passes(job) for job in films.jobs]
    named = [job.below(options.out, record["outputs"]) for job, record in zip(films.jobs, records, strict=True)]
    status = Counter(record["status"] for record in records)
    tracks = [track for record in records for track in record["tracks"]]
    of_each = ("film", "status", "reason", "cut_off", "warnings")
    summary = {
        "in": len(records),
        **{kind: status[kind] for kind in (RESTORED, UNCHANGED, FAILED)},
        "cut_off": sum(record.get("cut_off", False) for record in records),
        "tracks": len(tracks),
        "tracks_restored": sum(track["done"] == RESTORED for track in tracks),
        "results": [
            {key: record[key] for key in of_each if key in record} | {"outputs": names}
            for record, names in zip(records, named, strict=True)
        ],
    }
    if options.timing:
        summary["seconds"] = {step: round(spent, 3) for step, spent in passes.seconds.items()}
    return summary


def in_sentences(summary: dict) -> list[str]:
    """What the console says of the films."""
    said = []
    for result in summary["results"]:
        why = [result["reason"]] if result["status"] != RESTORED else []
        said += [f"{result['status']}: {result['film']}: {reason}" for reason in (*why, *result["warnings"])]
    said.append(
        f"{counted(summary['in'], 'film')}: {summary[RESTORED]} restored, {summary[UNCHANGED]} unchanged, "
        f"{summary[FAILED]} failed, {summary['cut_off']} cut off; {counted(summary['tracks'], 'face')} followed: "
        f"{summary['tracks_restored']} restored."
    )
    if "seconds" in summary:
        said.append("seconds: " + ", ".join(f"{step} {spent:.2f}" for step, spent in summary["seconds"].items()))
    return said
