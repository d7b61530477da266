"""Would the cluster admit the pods, those of the users among them?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hubstack.chart.user_pod import is_certain
from hubstack.doctor.finding import Finding, error, note, warning
from hubstack.doctor.subject import Subject
from hubstack.lifecycle import admission
from hubstack.lifecycle.admission import Outcome, Verdict
from hubstack.lifecycle.admission_advice import names, remedy


def admitted(subject: Subject) -> Iterator[Finding]:
    """Each pod that the stack and its users will make, asked about by a dry run."""
    pods = admission.pods(subject.settings, before=True)
    asked = admission.judge(subject.cluster.dry_run, subject.namespace, pods)
    unknown = [each for each in asked if each.outcome is Outcome.UNKNOWN]
    namespace = subject.cluster.find(f"/api/v1/namespaces/{subject.namespace}") if unknown else None
    verdicts = admission.by_level(asked, namespace)
    yield from _refused(subject, admission.refused(verdicts, of_user=False), everybody=True)
    users = admission.refused(verdicts, of_user=True)
    yield from _refused(subject, users, everybody=len(users) == sum(each.of_user for each in pods))
    if namespace is not None:  # without one, there are no rules yet that could be asked
        yield from _unknown(unknown)


def _refused(subject: Subject, verdicts: Sequence[Verdict], *, everybody: bool) -> Iterator[Finding]:
    by_reason: dict[str, list[Verdict]] = {}
    for each in verdicts:
        by_reason.setdefault(each.reason, []).append(each)
    for reason, group in by_reason.items():
        pod = group[0].pod
        why = "the update would wait for these pods in vain"
        if pod.of_user:
            why = "no user's server starts" if everybody else "who chooses this gets no server"
        certain = not pod.of_user or is_certain(subject.tree)
        if not certain:
            why += ", unless code of hub.extraConfig changes the pods: the doctor does not run it"
        say = error if everybody and certain else warning
        yield say(f"namespace {subject.namespace} does not admit {names(group)}: {reason}", why,
                  remedy(reason, pod, subject.namespace))  # fmt: skip


def _unknown(verdicts: Sequence[Verdict]) -> Iterator[Finding]:
    for reason in sorted({each.reason for each in verdicts}):
        yield note(
            f"could not look whether the cluster admits {names([each for each in verdicts if each.reason == reason])}: "
            f"{reason}",
            "what it refuses shows only when somebody waits for the pod",
            "run the doctor as somebody who may create pods in the namespace; it creates none",
        )
