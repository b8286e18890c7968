"""One function per command: read, call one function of a room, write, report.

Rooms are imported inside the functions: pandas, scikit-learn and Panel take seconds, `lotviz --help` may not.
"""

from __future__ import annotations

import os
import socket
from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lotviz.cli.destination import check_file, check_new_folder, check_result, of_size
from lotviz.cli.failures import RefusedError, problem_record, refusing
from lotviz.cli.output import Output
from lotviz.cli.values import reference_file

if TYPE_CHECKING:
    from lotviz.data import Cohort, Components
    from lotviz.transport import LOTEmbedding

_ANNOTATED = ("sample_key", "population_key", "layer")
NOT_KEPT = "Solved samples could not be kept in {folder} ({trouble}): --resume would solve them again."


def demo(options: Namespace, output: Output) -> int:
    """Open the app on the simulated cohort."""
    return _open_app(options, output, demo=True)


def serve(options: Namespace, output: Output) -> int:
    """Open the app, on a cohort when one is given."""
    if options.cohort is not None and not options.cohort.exists():
        raise RefusedError(str(options.cohort), "Expected a cohort, found nothing there.", "Correct the path.")
    return _open_app(options, output, demo=False)


def simulate(options: Namespace, output: Output) -> int:
    """Write a simulated cohort into a new folder."""
    folder = check_new_folder(options.output)
    from lotviz.data import simulate, write_cohort

    sizes = {name: getattr(options, name) for name in ("samples", "cells", "markers")}
    with refusing(f"--design {options.design}"):
        cohort = simulate(options.design, seed=options.seed, **sizes)
    write_cohort(cohort, folder, format=options.format)
    record = {
        "output": str(folder),
        "design": options.design,
        "format": options.format,
        "seed": options.seed,
        "samples": len(cohort.samples),
        "cells": cohort.total_cells,
        "markers": list(cohort.markers),
        "truth": cohort.truth,
    }
    output.result(
        record,
        f"Simulated {len(cohort.samples)} samples, {cohort.total_cells:,} cells, {cohort.n_markers} markers. "
        f"Written to {folder}.",
    )
    return 0


def sheet(options: Namespace, output: Output) -> int:
    """Write the sheet that a folder of files might have."""
    if not options.folder.is_dir():
        raise RefusedError(str(options.folder), "Expected a folder, found none there.", "Correct the path.")
    destination = check_file(options.output or options.folder / "sheet.csv", overwrite=False)
    if (options.folder / "samples.csv").is_file():
        what = "Expected files of cells without a sheet, found a cohort: samples.csv names its samples."
        raise RefusedError(str(options.folder), what, f"Open it as it is: lotviz validate {options.folder}")
    from lotviz.data import draft_sheet, write_sheet

    drafted = draft_sheet(options.folder)
    if drafted.empty:
        fix = "Name the folder that the FCS, csv, parquet or h5ad files of the samples are in."
        raise RefusedError(str(options.folder), "Expected files of cells in the folder, found none.", fix)
    # the files of a sheet are found from where the sheet is
    moved = Path(os.path.relpath(options.folder.resolve(), destination.parent.resolve()))
    drafted["file"] = [(moved / name).as_posix() for name in drafted["file"]]
    write_sheet(drafted, destination)
    record = {"output": str(destination), "samples": len(drafted), "sheet": drafted.to_dict("list")}
    listed = ", ".join(f"{row.sample} ({row.file})" for row in drafted.head(3).itertuples())
    more = f" and {len(drafted) - 3} more" if len(drafted) > 3 else ""
    output.result(
        record,
        f"A row for each of {len(drafted)} files: {listed}{more}. Written to {destination}.\n"
        "Add a column for what you want to compare, such as condition, and one for the patient; then: "
        f"lotviz validate {destination}",
    )
    return 0


def validate(options: Namespace, output: Output) -> int:
    """List every problem of a cohort; the exit code says whether it can be used."""
    from lotviz.data import validate

    found = validate(options.cohort, progress=output.progress, **_reading(options))
    record = {
        "ok": found.ok,
        "problems": [problem_record(problem) for problem in found.problems],
        "samples": found.samples,
        "markers": found.markers,
        "cells": found.cells,
        "notes": list(found.notes),
    }
    lines = [f"{problem.severity}: {problem}" for problem in found.problems]
    lines += [f"note: {note}" for note in found.notes]
    if found.ok:
        lines.append(
            f"The cohort can be used: {found.samples} samples, {found.markers} markers, {found.cells:,} cells."
        )
    output.result(record, "\n".join(lines))
    if not found.ok:
        output.fail("The cohort cannot be used as it is.")
    return 0 if found.ok else 1


def embed(options: Namespace, output: Output) -> int:
    """Embed a cohort and save the embedding, or one for each number of points."""
    destinations = _embedding_files(options)
    from lotviz.transport import TransportStore, check_sizes, embed_sizes

    with refusing("--points"):
        check_sizes(options.points, options.reference)
    store = TransportStore()
    cohort = read_as_asked(options, components=_components_of(reference_file(options.reference)))
    embeddings = embed_sizes(
        cohort,
        points=options.points,
        reference=options.reference,
        scale=options.scale,
        cells_per_sample=options.cells_per_sample,
        seed=options.seed,
        workers=options.workers,
        solver=options.solver,
        store=store,
        resume=options.resume,
        progress=output.progress,
        cancel=output.cancel,
    )
    for path, embedding in zip(destinations, embeddings.values(), strict=True):
        embedding.save(path)
    kept = [NOT_KEPT.format(folder=store.folder, trouble=store.trouble)] if store.trouble else []
    taken = store.taken if options.resume else None
    written = dict(zip(destinations, embeddings.values(), strict=True))
    _report_embeddings(output, written, [*cohort.problems, *kept], taken=taken)
    return 0


def project(options: Namespace, output: Output) -> int:
    """Place the samples of another cohort in a saved embedding."""
    inputs = [options.embedding, options.cohort]
    destination = check_result(options.output, overwrite=options.overwrite, inputs=inputs)
    from lotviz.data import read_cohort
    from lotviz.transport import LOTEmbedding

    embedding = LOTEmbedding.load(options.embedding)
    cohort = read_cohort(
        options.cohort,
        markers=list(embedding.markers),
        transform=embedding.transform,
        components=embedding.components,
        **understanding(options),
    )
    projected = embedding.project(cohort, progress=output.progress, cancel=output.cancel)
    projected.save(destination)
    _report_embeddings(output, {destination: projected}, cohort.problems)
    return 0


def _open_app(options: Namespace, output: Output, *, demo: bool) -> int:
    port = _free_port(options.address, options.port)
    url = f"http://{options.address}:{port}/"
    # Said before Panel is imported, which takes seconds; GET /healthz tells when the app answers.
    output.result(
        {"url": url, "cohort": None if options.cohort is None else str(options.cohort), "demo": demo},
        f"lotviz is opening at {url} (Ctrl-C stops it).",
    )
    from lotviz.app import run

    run(
        options.cohort,
        demo=demo,
        port=port,
        address=options.address,
        open_browser=not options.no_browser,
        data_root=options.data_root,
    )
    return 0


def _free_port(address: str, port: int) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the server does: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise RefusedError(
                f"port {port}",
                f"Expected a free port, found one that cannot be opened ({error.strerror}).",
                "Choose another with --port; --port 0 takes any that is free.",
            ) from error
        return int(probe.getsockname()[1])


def _reading(options: Namespace) -> dict[str, Any]:
    if options.genes and not options.components:
        what = "Expected the number of components beside that of genes, found none."
        raise RefusedError("--genes", what, "Add --components, or leave --genes out.")
    named = {name: getattr(options, name) for name in ("markers", "transform", "cofactor", "components")}
    genes = {"genes": options.genes} if options.genes else {}
    return {**named, **genes, **understanding(options)}


def understanding(options: Namespace) -> dict[str, Any]:
    """Return how names and values of the files are understood, whatever is made of them."""
    return {
        **{name: getattr(options, name) for name in _ANNOTATED},
        "columns": options.columns,
        "compensate": {"yes": True, "no": False}.get(options.compensate),
        "skip_unreadable": options.skip_unreadable,
        "rename": _renaming(options),
    }


def _renaming(options: Namespace) -> dict[str, str]:
    """Return the new names by the old ones; an old one that is given twice is refused."""
    pairs = options.rename or []
    twice = sorted({old for old, _ in pairs if len({new for other, new in pairs if other == old}) > 1})
    if twice:
        what = f"Expected one new name for {', '.join(twice)}, found several."
        raise RefusedError("--rename", what, "Give every old name once.")
    return dict(pairs)


def read_as_asked(options: Namespace, *, components: Components | None = None) -> Cohort:
    """Read the cohort, on these components where there are any."""
    from lotviz.data import read_cohort

    reading = _reading(options)
    if components is not None:
        if options.components:
            what = "Expected the components of the embedding that is the reference, found others asked for."
            raise RefusedError("--components", what, "Leave --components and --genes out, or take another reference.")
        reading["components"] = components
    return read_cohort(options.cohort, **reading)


def _components_of(reference: Path | None) -> Components | None:
    """Return the components of genes that an embedding given as reference is on."""
    if reference is None or reference.suffix.lower() != ".lot" or not reference.is_file():
        return None
    from lotviz.transport import LOTEmbedding

    return LOTEmbedding.load(reference).components


def sentences(*groups: Iterable[object]) -> list[str]:
    """Return all warnings once, in the order they came up."""
    return list(dict.fromkeys(str(sentence) for group in groups for sentence in group))


def _embedding_files(options: Namespace) -> list[Path]:
    """Check the file of every number of points, before anything is computed."""
    path = options.output
    paths = [of_size(path, size) for size in options.points] if len(options.points) > 1 else [path]
    file = reference_file(options.reference)
    inputs = [options.cohort] if file is None else [options.cohort, file]
    return [check_result(path, overwrite=options.overwrite, inputs=inputs) for path in paths]


def _report_embeddings(
    output: Output,
    embeddings: Mapping[Path, LOTEmbedding],
    notes: Iterable[object],
    *,
    taken: int | None = None,
) -> None:
    """Say what was written; the record is that of the first embedding, with all of them beside when there are more."""
    records = [
        {"output": str(path), **embedding.summary(), **_certificate(embedding)}
        for path, embedding in embeddings.items()
    ]
    record = {name: value for name, value in records[0].items() if name != "output"}
    record["warnings"] = sentences(notes, record["warnings"])
    if len(records) > 1:
        record["embeddings"] = records
    from_store = ""
    if taken is not None:
        record["from_store"] = taken
        from_store = f"{taken} samples were taken from the store.\n"
    output.warn(sentences(notes, *(entry["warnings"] for entry in records)))
    output.result(record, from_store + "\n".join(_embedding_text(entry) for entry in records))


def _certificate(embedding: LOTEmbedding) -> dict[str, Any]:
    found = embedding.reference.details.get("certificate")
    return {} if found is None else {"certificate": found}


def _embedding_text(record: Mapping[str, Any]) -> str:
    text = (
        f"{record['n_samples']} samples on {record['n_points']} reference points and {record['n_markers']} markers, "
        f"{record['n_cells_used']:,} of {record['n_cells']:,} cells, in {record['seconds']:.1f} s.\n"
        f"The points see {1 - record['residual_share']:.0%} of the variance of the cells.\n"
    )
    if "certificate" in record:
        found = record["certificate"]
        text += (
            f"Mean squared distance of the barycenter to {found['cells_per_sample']} cells of each sample: "
            f"{found['objectives'][-1]:.4g}, from {found['objectives'][0]:.4g} at its start; "
            f"no cloud comes below {found['bound']:.4g}.\n"
        )
    return f"{text}Written to {record['output']}."
