"""Photos stream through: threads read and detect, the network gets full batches across photos, threads paste and write."""

import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from pipeline.commands.restore.clock import Clock
from pipeline.commands.restore.face import RESTORED, RestoredFace
from pipeline.commands.restore.finish import FAILED, UNCHANGED, Finisher
from pipeline.commands.restore.inputs import InputError, Job, Plan
from pipeline.commands.restore.networks.runnable import FittingBatches, RunnableNetwork
from pipeline.commands.restore.options import Options
from pipeline.commands.restore.photo import Detectors, Opener, Photo
from pipeline.commands.restore.recognise import SUMMARY
from pipeline.commands.restore.room import Room
from pipeline.commands.restore.walk import Skipped
from pipeline.commands.restore.words import IDENTITY
from pipeline.photos.names import as_key
from pipeline.runtime.cores import usable_cores
from pipeline.store.licences import licences_of

# Photos that wait for their faces' batch to fill: so many pixels, then batches go as they are. It depends on the photos
# alone, so that the same photos make the same batches.
OPEN_PIXELS = 60_000_000
OPEN_PHOTOS = 256
AHEAD = 2  # photos read before they are asked for, and finished ones not yet written, per thread


def restore_photos(plan: Plan, networks: dict[str, RunnableNetwork], options: Options) -> dict:
    """Restore all photos; returns the summary for OUT/summary.json, with what was said of each photo.

    networks: by task. Raises WeightsError for broken weights, InputError for a detector's file that is none and for a folder
    that cannot be made or written to: before any photo is read. A photo that fails is recorded, the others are done.
    """
    clock, described = Clock(), {task: describe(one) for task, one in networks.items()}
    batches = {task: FittingBatches(one.load(), options.batch_size) for task, one in networks.items()}
    detectors = Detectors(options)
    make_writable(options.out)
    room = Room()
    opener = Opener(networks, options, detectors, clock, room)
    finisher = Finisher(networks, described, options, plan, detectors, clock)
    readers, writers = count_threads([one.device for one in networks.values()], usable_cores())
    with ThreadPoolExecutor(readers) as reading, ThreadPoolExecutor(writers) as writing, room:
        photos = _resting(_ahead(reading, opener, plan.jobs, readers * AHEAD), room)
        finished = _in_room(_through_network(photos, batches, clock), room)
        records = _collected(writing, _Leaving(finisher, room), finished, len(plan.jobs), writers * AHEAD)
    records.sort(key=lambda pair: pair[0])
    summary = summarise([(plan.jobs[number], record) for number, record in records], plan.skipped, described, options)
    if options.timing:
        summary["seconds"] = {step: round(spent, 3) for step, spent in clock.seconds.items()}
    return summary


def make_writable(out: Path) -> None:
    """Make the folder for results and try to write there, or hours of work may come to nothing. Raises InputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"-o {out} cannot be made: {error.strerror}") from None
    try:
        with tempfile.NamedTemporaryFile(dir=out, prefix=".restore") as file:
            file.write(b"whether it can be written")
            file.flush()
    except OSError as error:
        raise InputError(f"-o {out} cannot be written to: {error.strerror}; name another folder, or allow it") from None
    if (out / SUMMARY).is_dir():
        raise InputError(f"{out / SUMMARY} is a folder, and a file of that name is to be written: name another -o")


def count_threads(devices: list[str], cores: int) -> tuple[int, int]:
    """How many threads read and detect, and how many paste and write.

    Beside a network on the CPU, which takes every core that is free, a few; before a GPU half of the cores each, up to 8:
    photos wait in each thread, and memory is to hold them.
    """
    half = max(cores // 2, 1)
    return (min(half, 4), 2) if "cpu" in devices else (min(half, 8), min(half, 8))


def describe(network: RunnableNetwork) -> dict:
    """What the records say of a network."""
    card, gate = network.card, network.gate
    return {
        "name": network.name,
        "model": network.model,
        "weights": as_key(str(network.file)),
        "weights_sha256": network.weights_sha256,
        "runtime": network.runtime,
        "size_px": network.size_px,
        "input_px": network.lr_px or network.size_px,
        "card": {
            key: card[key] for key in ("network", "steps", "data", "intended_use", "may_be_used_for") if key in card
        }
        | {"licences": licences_of(card)},
        "measured_on": gate and {name: said["faces"] for name, said in gate.about.get("sets", {}).items()},
    }


def summarise(done: list[tuple[Job, dict]], skipped: list[Skipped], networks: dict, options: Options) -> dict:
    """Counts, of each photo its status and why, and what was skipped: in = restored + unchanged + failed.

    done: each photo with its record, which names outputs by what stands beside it; here they are named from the folder.
    """
    records = [record for _, record in done]
    status = Counter(record["status"] for record in records)
    every = [face for record in records for face in record["faces"]]
    restored = sum(face["done"] == RESTORED for face in every)
    return {
        "photos": {
            "in": len(records),
            **{kind: status[kind] for kind in (RESTORED, UNCHANGED, FAILED)},
            "skipped": len(skipped),
        },
        "faces": {"found": len(every), "restored": restored, "not_restored": len(every) - restored},
        "warnings": sum(
            len(record["warnings"]) + sum(len(f["warnings"]) for f in record["faces"]) for record in records
        ),
        "results": [
            {key: record[key] for key in ("photo", "status", "reason")}
            | {"outputs": job.below(options.out, record["outputs"])}
            for job, record in done
        ],
        "skipped": [{"file": as_key(str(one.path)), "reason": one.why} for one in skipped],
        "options": options.said(),
        "networks": networks,
        "identity": IDENTITY,
    }


def _ahead(pool: ThreadPoolExecutor, opener: Opener, jobs: list[Job], ahead: int) -> Iterator[tuple[int, Photo]]:
    """The photos by number, in order, `ahead` of them in work."""
    waiting: deque[Future] = deque()
    following = iter(enumerate(jobs))
    for number in range(len(jobs)):
        while len(waiting) < ahead and (job := next(following, None)) is not None:
            waiting.append(pool.submit(opener, *job))
        yield number, waiting.popleft().result()


def _resting(photos: Iterable[tuple[int, Photo]], room: Room) -> Iterator[tuple[int, Photo]]:
    """The photos, out of work while they wait for their batch; not the large ones, which wait for none."""
    for number, photo in photos:
        if photo.pixels <= OPEN_PIXELS:
            room.rest(photo.entered)
            photo.entered = 0
        yield number, photo


def _in_room(photos: Iterable[tuple[int, Photo]], room: Room) -> Iterator[tuple[int, Photo]]:
    """The photos, each once there is room to write it."""
    for number, photo in photos:
        room.write(photo.room_px, photo.entered)
        yield number, photo


class _Leaving:
    """A finisher whose photos leave their room, and memory: generators still hold them."""

    def __init__(self, finisher: Finisher, room: Room):
        self._finisher, self._room = finisher, room

    def __call__(self, photo: Photo) -> dict:
        try:
            return self._finisher(photo)
        finally:
            photo.file, photo.faces = None, []
            self._room.leave(photo.room_px)


def _through_network(
    photos: Iterable[tuple[int, Photo]], batches: dict[str, FittingBatches], clock: Clock
) -> Iterator[tuple[int, Photo]]:
    """The photos whose faces have all been through the network, as they become ready."""
    queues: dict[str, list[RestoredFace]] = {task: [] for task in batches}
    held: list[tuple[int, Photo]] = []
    for number, photo in photos:
        held.append((number, photo))
        for face in photo.waiting:
            queues[face.task].append(face)
        full = sum(photo.pixels for _, photo in held) > OPEN_PIXELS or len(held) > OPEN_PHOTOS
        for task, queue in queues.items():
            size = batches[task].size
            count = len(queue) if full else len(queue) // size * size
            _run(batches[task], queue[:count], clock)
            del queue[:count]
        yield from (pair for pair in held if not pair[1].waiting)
        held = [pair for pair in held if pair[1].waiting]
    for task, queue in queues.items():
        _run(batches[task], queue, clock)
    yield from held


def _run(batches: FittingBatches, queue: list[RestoredFace], clock: Clock) -> None:
    def done(number: int, restored) -> None:
        if isinstance(restored, str):
            queue[number].error = restored
        else:
            queue[number].restored = restored

    with clock.step("network"):
        batches([face.given for face in queue], done)


def _collected(
    pool: ThreadPoolExecutor, finisher: _Leaving, photos: Iterable[tuple[int, Photo]], total: int, most: int
) -> list[tuple[int, dict]]:
    """Each photo's record by number. Writing keeps up: at most `most` photos of the `total` wait for it."""
    records: list[tuple[int, dict]] = []
    waiting: deque[tuple[int, Future]] = deque()
    with tqdm(total=total, unit="photo", disable=None if total else True) as bar:

        def collect() -> None:
            number, future = waiting.popleft()
            records.append((number, future.result()))
            bar.update()

        for number, photo in photos:
            waiting.append((number, pool.submit(finisher, photo)))
            while len(waiting) > most:
                collect()
        while waiting:
            collect()
    return records
