"""Installs programs into the cache, from the mirror or from their publishers, several at a time."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hubstack import file_lock, project
from hubstack.toolchain import failures
from hubstack.toolchain.catalog import Catalog, Release, ToolchainError, cache_dir
from hubstack.toolchain.download import FetchError, download, published_digest
from hubstack.toolchain.hosts import Hosts
from hubstack.toolchain.report import Report, Task
from hubstack.toolchain.unpack import check_mirrored, place, unpack

_ARCHIVES = (".tar.xz", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class Job:
    """One file that has programs, and what to do with it."""

    parts: tuple[tuple[str, Release], ...]
    """The programs, each with the release that it is of, in the version of this file."""
    key: str
    """Name of its working folder, which also tells what is done twice if two do it."""
    archive: Path | None = None
    """In the mirror; None: it is to be downloaded."""

    @property
    def release(self) -> Release:
        """The release that it is downloaded as; a file of the mirror may have others too."""
        return self.parts[0][1]


def install_missing(
    catalog: Catalog,
    programs: Sequence[str],
    optional: Sequence[str],
    misfits: dict[str, str],
    console: Console | None,
) -> dict[str, str]:
    """Put programs that are not there yet into the cache, as far as they can be had.

    Returns:
        For each optional program that cannot be had, why. Its download is not tried again for an hour.

    Raises:
        ToolchainError: some that are not optional cannot be had; names all of them. The others are in the cache.
    """
    jobs = list(dict.fromkeys(_job(catalog, program) for program in programs))
    needed = {_job(catalog, program) for program in programs if program not in optional}
    unknown = [job for job in jobs if job.archive is None and not _is_offered(catalog, job)]
    absent = dict.fromkeys(unknown, f"no download for {catalog.machine.os} is known")
    for job in jobs:
        if job.archive is None and job not in needed and (reason := failures.recent(job.key)):
            absent.setdefault(job, reason)
    jobs = [job for job in jobs if job not in absent]
    if orphans := [job for job in unknown if job in needed]:
        # before anything is downloaded that would be of no use
        raise _error(catalog, {job: absent[job] for job in orphans}, misfits)
    with Report(console) as report:
        pool, hosts = ThreadPoolExecutor(max_workers=8), Hosts(report)
        try:
            problems = list(pool.map(lambda job: _problem(catalog, job, report, hosts), jobs))
        except BaseException:
            report.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)  # waits, so that no half of anything is left
    failed = {job: problem for job, problem in zip(jobs, problems, strict=True) if problem}
    for job in [job for job in failed if job not in needed]:
        absent[job] = failed.pop(job)
        if job.archive is None:
            failures.note(job.key, absent[job])
    if failed:
        raise _error(catalog, failed, misfits)
    return {program: reason for job, reason in absent.items() for program, _ in job.parts}


def _job(catalog: Catalog, program: str) -> Job:
    """How a program is to be had; the same job for all programs that come with the same file."""
    for release in catalog.variants(program):
        for name in catalog.mirrored(release):
            archive = _mirror() / name
            if archive.is_file():
                parts = ((each, shared) for shared in catalog.sharing(name) for each in shared.programs)
                return Job(tuple(parts), name, archive)
    release = catalog.release(program)
    folder = catalog.folder(release).name
    if "{program}" in release.url:
        return Job(((program, release),), f"{folder}-{program}")
    return Job(tuple((each, release) for each in release.programs), folder)


def _mirror() -> Path:
    return (project.mirror() or Path("$HUBSTACK_MIRROR")) / "toolchain"


def _is_offered(catalog: Catalog, job: Job) -> bool:
    return catalog.machine.os in job.release.platforms


def _problem(catalog: Catalog, job: Job, report: Report, hosts: Hosts) -> str:
    """Do a job; what went wrong, or nothing."""
    try:
        report.check()
        cache_dir().mkdir(parents=True, exist_ok=True)
        with file_lock.hold(cache_dir() / f".{job.key}.lock", f"fetching {job.key}", report.say, pause=report.sleep):
            if not all(catalog.holds(release, program) for program, release in job.parts):
                _do(catalog, job, report, hosts)
    except FetchError as error:
        return str(error)
    except OSError as error:
        return f"{cache_dir()}: {error}"
    return ""


def _do(catalog: Catalog, job: Job, report: Report, hosts: Hosts) -> None:
    work = cache_dir() / f".{job.key}.unpacked"
    shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
    work.mkdir()
    downloads = cache_dir() / "downloads" / job.key
    try:
        if job.archive is not None:
            task = report.begin(f"unpacking {job.key}", str(job.archive.parent))
            check_mirrored(job.archive)
            _unpack(job, job.archive, work, task)
        else:
            file, task = _download(catalog, job, downloads, report, hosts)
            if file.name.endswith(_ARCHIVES):
                _unpack(job, file, work, task)
            else:
                file.replace(work / job.parts[0][0])
        # a program comes after what belongs to it: if it is there, all is
        for program, release in job.parts:
            extras = [name for name in release.extras if (work / name).exists()]
            for name in (*release.beside, *extras, program):
                place(work / name, catalog.folder(release) / name)
        task.end()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(downloads, ignore_errors=True)


def _download(catalog: Catalog, job: Job, folder: Path, report: Report, hosts: Hosts) -> tuple[Path, Task]:
    """The publisher's file: the one whose digest is pinned, or else the one that the publisher's own list names."""
    program = job.parts[0][0]
    url, checksums = (catalog.expand(each, job.release, program) for each in (job.release.url, job.release.checksums))
    pinned = catalog.digest(job.release, program)
    for each in (url,) if pinned else (checksums, url):
        hosts.check(each)
    task = report.begin(f"downloading {_title([each for each, _ in job.parts], job.release)}", url)
    file = folder / url.rpartition("/")[2]
    if pinned:
        download(url, file, pinned, task, authority="toolchain.yaml")
    else:
        download(url, file, published_digest(checksums, file.name, task), task)
    return file, task


def _unpack(job: Job, archive: Path, into: Path, task: Task) -> None:
    names = [name for program, release in job.parts for name in (*release.beside, program)]
    unpack(archive, names, into, task, extras=[name for _, release in job.parts for name in release.extras])


def _title(programs: Sequence[str], release: Release) -> str:
    return f"{', '.join(programs)} {release.version}"


def _error(catalog: Catalog, failed: Mapping[Job, str], misfits: dict[str, str]) -> ToolchainError:
    """What is missing, where it was looked for, and how to install it by hand."""
    tried = f"tried: PATH, {cache_dir()}, {_mirror()}, their publishers"
    lines = [f"programs are missing and cannot be fetched for {catalog.machine} ({tried}):"]
    fitting, mirrored, cached = [], [], []
    for job, problem in failed.items():
        for release in dict.fromkeys(release for _, release in job.parts):
            programs = [program for program, each in job.parts if each is release]
            origin = job.archive or catalog.expand(release.url, release, programs[0])
            lines += [f"  {_title(programs, release)} from {origin}"]
            lines += [f"    on PATH, but does not fit: {misfits[name]}" for name in programs if name in misfits]
            beside = f" with {' and '.join(release.beside)} beside it" if release.beside else ""
            variants = catalog.variants(programs[0])
            fitting += [f"{', '.join(programs)} {variants[0].accepted}{beside}"]
            mirrored += [" or ".join(name for each in variants for name in catalog.mirrored(each))]
            folder = catalog.folder(variants[0]).name
            cached += [f"{folder}/{name}" for name in (*programs, *release.beside)]
        lines += [f"    {problem}"]
    lines += [
        "to install them by hand, do one of these:",
        f"  - put them on PATH: {'; '.join(fitting)}",
        f"  - put archives of them into {_mirror()}: {'; '.join(dict.fromkeys(mirrored))}",
        "    and list them in SHA256SUMS there; this folder lies in the one that HUBSTACK_MIRROR names",
        f"  - put the programs into {cache_dir()}: {', '.join(cached)}",
    ]
    if any(not _is_offered(catalog, job) for job in failed):
        lines += [
            "or do without them: the embedded cluster needs Linux; CLUSTER=kind makes one where Docker is, "
            "and CONTEXT=name takes one that you have"
        ]
    return ToolchainError("\n".join(lines), [program for job in failed for program, _ in job.parts])
