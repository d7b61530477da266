"""Do the storage classes that volumes ask for exist, and do they keep data?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hubstack.chart.storage_class import DEFAULT_CLASS
from hubstack.doctor.finding import Finding, error, note, some, warning
from hubstack.doctor.reader import Object
from hubstack.doctor.subject import Subject

CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


def storage(subject: Subject) -> Iterator[Finding]:
    """Each class that a volume names exists; where none is named, there is a default; volumes can grow and stay."""
    wanted = _wanted(subject)
    if not wanted:
        return
    classes = {each["metadata"]["name"]: each for each in subject.cluster.items(CLASSES)}
    defaults = sorted(name for name, each in classes.items() if _is_default(each))
    own = subject.config.storage_class
    for setting, name in wanted.items():
        if own and name == own.name and name not in classes:
            continue
        if name and name not in classes:
            yield error(
                f"{setting}: {name!r}: the cluster has no such StorageClass",
                "the volume claim waits for ever, and so does its pod",
                f"name one that is there ({some(sorted(classes)) or 'there is none'}), or have it made: "
                "hubstack:storageClass",
            )
    unnamed = [setting for setting, name in wanted.items() if name is None]
    if unnamed and not defaults:
        yield error(
            f"{' and '.join(unnamed)}: not set, and no StorageClass of the cluster is the default one",
            "the volume claim waits for ever, and so does its pod",
            f"name a class, or annotate one with {DEFAULT_CLASS}=true",
        )
    elif unnamed and len(defaults) > 1:
        yield note(
            f"several StorageClasses are the default: {', '.join(defaults)}",
            "the newest of them is taken, which changes when somebody adds one",
            f"name the class: {' and '.join(unnamed)}",
        )
    used = {name or (defaults[0] if len(defaults) == 1 else "") for name in wanted.values()}
    for name in sorted(used & set(classes)):
        yield from _qualities(subject, name, classes[name])


def _wanted(subject: Subject) -> dict[str, str | None]:
    """Class that each setting names; None: the default one. Settings that ask for no class at all are left out."""
    found: dict[str, str | None] = {}
    if subject.setting("hub", "db", "type") in (None, "sqlite-pvc"):
        found["hub.db.pvc.storageClassName"] = subject.setting("hub", "db", "pvc", "storageClassName")
    if subject.setting("singleuser", "storage", "type") in (None, "dynamic"):
        setting = "singleuser.storage.dynamic.storageClass"
        found[setting] = subject.setting("singleuser", "storage", "dynamic", "storageClass")
    # Values of a chart that is not modelled may hold anything here.
    return {setting: None if name is None else str(name) for setting, name in found.items() if name != ""}


def _is_default(storage_class: Object) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"


def _qualities(subject: Subject, name: str, storage_class: Mapping[str, object]) -> Iterator[Finding]:
    # A stack whose data is not protected may be thrown away, and so may its volumes.
    say = warning if subject.config.protect_data else note
    if storage_class.get("reclaimPolicy", "Delete") == "Delete":
        yield say(
            f"StorageClass {name}: reclaimPolicy is Delete",
            "who deletes a claim, or the namespace, deletes the data with it, at once and for good",
            "use a class with reclaimPolicy Retain (hubstack:storageClass makes one), or patch the volumes that exist: "
            "spec.persistentVolumeReclaimPolicy",
        )
    if not storage_class.get("allowVolumeExpansion"):
        yield say(
            f"StorageClass {name}: volumes cannot grow",
            "a full home or a full database has to be copied to a new volume",
            "use a class with allowVolumeExpansion: true",
        )
