"""One film through all its passes, to a film and its record."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pipeline.commands.restore.clock import Clock
from pipeline.commands.restore.face import RESTORED
from pipeline.commands.restore.film import ffmpeg, fields
from pipeline.commands.restore.film.comb import one_field
from pipeline.commands.restore.film.paste import Paster
from pipeline.commands.restore.film.reel import UnreadableFilm, frames_of
from pipeline.commands.restore.film.resume import Scratch
from pipeline.commands.restore.film.search_frames import search
from pipeline.commands.restore.film.timeline import Timeline, look_through
from pipeline.commands.restore.film.tracks import Track, follow
from pipeline.commands.restore.film.verdicts import Decision, Judge
from pipeline.commands.restore.film.whole import FilmWriter
from pipeline.commands.restore.finish import FAILED, UNCHANGED
from pipeline.commands.restore.inputs import Job
from pipeline.commands.restore.networks.runnable import FittingBatches, RunnableNetwork
from pipeline.commands.restore.options import Options
from pipeline.commands.restore.photo import Detectors, failure
from pipeline.commands.restore.words import IDENTITY
from pipeline.photos.names import as_key
from pipeline.runtime.terminal import say
from pipeline.store.files import whole_file, write_json

INTERLACED = "it is interlaced: each frame was made of its even lines alone, and so is half as fine in height"
_LARGEST_PX = 8192  # a side of what is written


@dataclass
class _Film:
    """A film under way. pictures: the file that its frames are read from."""

    job: Job
    pictures: Path
    scratch: Scratch
    timeline: Timeline

    @property
    def count(self) -> int:
        return len(self.timeline.times_ms)

    def prepared(self, frame: np.ndarray) -> np.ndarray:
        """What is done to each frame before anything else."""
        return one_field(frame) if self.timeline.interlaced else frame

    def read(self, numbers: list[int]) -> Iterator[tuple[int, np.ndarray]]:
        """These frames, by rising numbers."""
        return frames_of(self.pictures, numbers, self.prepared)


class FilmPasses:
    """Jobs -> films, and the record of each.

    networks: by task; described: what records say of them. taken: identities of what came in, which is never replaced.
    threads: that search frames for faces.
    """

    def __init__(
        self,
        networks: dict[str, RunnableNetwork],
        described: dict[str, dict],
        options: Options,
        taken: set[tuple[int, int]],
        threads: int,
    ):
        self._networks, self._described, self._options = networks, described, options
        self._taken, self._threads = taken, threads
        self._clock, self._detectors = Clock(), Detectors(options)
        self._batches = {task: FittingBatches(one.load(), options.batch_size) for task, one in networks.items()}

    @property
    def seconds(self) -> dict[str, float]:
        """Spent on each step."""
        return self._clock.seconds

    def __call__(self, job: Job) -> dict:
        said: dict = {"film": as_key(str(job.source)), "status": FAILED, "reason": job.refused, "outputs": []}
        said |= {"tracks": [], "warnings": [*job.remarks]}
        if job.refused:
            return said
        try:
            said |= self._restored(job, said["warnings"])
        except Exception as error:
            # Whatever it is: one strange film must not cost the others. It is recorded, not swallowed.
            said["reason"] = str(error) if isinstance(error, UnreadableFilm) else failure(error)
        try:
            about = {"options": self._options.said(), "networks": self._described, "identity": IDENTITY}
            write_json(job.beside(".json"), said | about)
        except OSError as error:
            said |= {"status": FAILED, "reason": f"{said['reason']}; its record: {error}".removeprefix("; ")}
        return said

    def _restored(self, job: Job, warnings: list[str]) -> dict:
        film = self._begun(job)
        warnings += film.timeline.warnings + ([INTERLACED] if film.timeline.interlaced else [])
        tracks, dropped = self._tracks(film)
        decisions = self._decisions(film, tracks)
        if absent := sorted(set(self._options.faces or ()) - tracks.keys()):
            has = f"{len(tracks)}, counted from 0" if tracks else "none"
            warnings.append(f"no face number {', '.join(map(str, absent))}: the film has {has}")
        said = {
            "size": [film.timeline.width, film.timeline.height],
            "frames": film.count,
            "cut_off": film.timeline.cut_off,
            "rate": round(film.timeline.rate, 4),
            "interlaced": film.timeline.interlaced or film.pictures != job.source,
            "comb_ratio": film.timeline.comb_ratio,
            "tracks": [{"number": number, **decision.record} for number, decision in decisions.items()],
            "false_finds_dropped": dropped,
        }
        restored = any(decision.restored for decision in decisions.values())
        if restored or self._options.upscale > 1:
            said |= self._written(film, tracks, decisions, warnings)
        else:
            with whole_file(job.output) as file, open(job.source, "rb") as source:
                shutil.copyfileobj(source, file)
            said |= {"outputs": [as_key(job.output.name)], "sound": "kept: the film is copied as it is"}
        film.scratch.remove()
        status, reason = (RESTORED, "") if restored else (UNCHANGED, self._why_unchanged(decisions))
        return said | {"status": status, "reason": reason, "warnings": warnings}

    def _begun(self, job: Job) -> _Film:
        """The film as it was looked through, now or at an earlier start."""
        told = {"options": self._options.said(), "networks": self._described, "ffmpeg": ffmpeg.program() is not None}
        scratch = Scratch(job, told)
        if scratch.resumed:
            say(f"{job.source}: goes on where an earlier start stopped")
        elif scratch.discarded:
            say(f"{job.source}: begun anew; an earlier start had other options, or it was another film")
        try:
            pictures = fields.readable(job.source, scratch.folder)
            timeline = Timeline(**scratch.json("timeline.json", partial(self._looked_through, job, pictures)))
            timeline.warnings.extend(fields.check(timeline))
            longer_px = max(timeline.width, timeline.height) * self._options.upscale
            if longer_px > _LARGEST_PX:
                raise UnreadableFilm(f"{longer_px:,.0f} px a side: films of up to {_LARGEST_PX:,} are written")
        except UnreadableFilm:
            scratch.remove()  # nobody will go on with it
            raise
        if pictures != job.source:
            timeline.warnings.append(fields.MADE_WHOLE)
        return _Film(job, pictures, scratch, timeline)

    def _looked_through(self, job: Job, pictures: Path) -> dict:
        with _bar(job, "looking through", None) as bar, self._clock.step("read"):
            return look_through(pictures, bar.update).said()

    def _tracks(self, film: _Film) -> tuple[dict[int, Track], int]:
        """The faces that were followed, by number, and how many false finds were dropped."""
        lines = film.scratch.lines("found.jsonl")
        with _bar(film.job, "finding faces", film.count, len(lines)) as bar:
            given = lines, film.count, film.prepared, self._detectors, self._clock, self._threads, bar.update
            found = search(film.pictures, *given)
        tracks, dropped = follow(found, set(film.timeline.cuts), film.timeline.rate)
        return dict(enumerate(tracks)), dropped

    def _decisions(self, film: _Film, tracks: dict[int, Track]) -> dict[int, Decision]:
        judge = Judge(self._networks, self._batches, self._options, self._detectors, self._clock)
        lines = film.scratch.lines("decisions.jsonl")
        known = {line["track"] for line in lines}
        with lines, _bar(film.job, "judging faces", len(tracks), len(known), "face") as bar:
            left = {number: track for number, track in tracks.items() if number not in known}
            for number, decision in judge.decide(left, film.read):
                lines.add({"track": number, "decision": decision.said()})
                bar.update()
        decided = {line["track"]: Decision(**line["decision"]) for line in lines}
        return {number: decided[number] for number in sorted(decided)}

    def _written(
        self, film: _Film, tracks: dict[int, Track], decisions: dict[int, Decision], warnings: list[str]
    ) -> dict:
        paster = Paster(tracks, decisions, self._networks, self._batches, self._options, self._clock, film.scratch)
        writer = FilmWriter(film.job, film.timeline, self._options.upscale, film.scratch.folder, self._clock)
        with _bar(film.job, "restoring", film.count) as bar:
            frames = paster.frames(film.count, film.read, film.timeline.width * film.timeline.height)
            return writer.write(frames, self._taken, bar.update, warnings)

    def _why_unchanged(self, decisions: dict[int, Decision]) -> str:
        if not decisions:
            least = self._options.min_face_px, self._options.min_score
            return "no face of {} px and a score of {:g} or more is found for long enough".format(*least)
        # Without the figures, which are each track's own and stand there.
        why = Counter(one.record["done"].partition(" (")[0] for one in decisions.values())
        return "no face restored: " + "; ".join(f"{count} {done}" for done, count in why.items())


def _bar(job: Job, what: str, total: int | None, done: int = 0, unit: str = "frame") -> tqdm:
    return tqdm(total=total, initial=done, desc=f"{as_key(job.source.name)}: {what}", unit=unit, disable=None)
