"""One operation of the engine on one stack, and why it failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from hubstack.engine.events import EventLog
from hubstack.engine.servers import Command, Ended, ForkServer
from hubstack.engine.watch import Watch
from hubstack.project.stacks import Stack

Verb = Literal["up", "preview", "refresh", "destroy"]


def run(
    verb: Verb,
    stack: Stack,
    server: ForkServer,
    environment: Mapping[str, str],
    events: EventLog,
    log: Path,
    options: Sequence[str] = (),
) -> Ended:
    """Run one operation and wait for its end, which comes at the limit that holds here (`deadline.limited`).

    Arguments:
        verb: the engine's command.
        stack: the stack; its work folder has been written.
        server: a fork server of the stack's program.
        environment: variables for the engine and the program.
        events: takes in what the engine reports; its file must not be there yet.
        log: file for what the engine prints, readable by its owner only.
        options: further words of the command.

    Raises:
        EngineGoneError: the fork server has ended.
    """
    command = ["pulumi", verb, *([] if verb == "preview" else ["--yes", "--skip-preview"])]
    command += ["--non-interactive", "--color=never", "--stack", stack.name, "--event-log", str(events.file), *options]
    # PULUMI_DEBUG_COMMANDS makes the option for the event log available, as the Automation API does.
    variables = {**environment, "PULUMI_DEBUG_COMMANDS": "true"}
    watch = Watch(events)
    ended = server.run(Command(command, stack.folder, variables, log), watch.begin, watch.tick)
    return replace(ended, awaited=watch.awaited)


def failure(ended: Ended, events: EventLog, log: Path) -> str:
    """Why an operation failed: one error that holds what went wrong and nothing else."""
    if ended.code < 0:
        return f"the engine was ended by signal {-ended.code}"
    printed = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return "\n".join(events.errors) or last_error(printed)


def last_error(printed: str) -> str:
    """The engine's own last words, where it reported no error as an event.

    Arguments:
        printed: what a command of the engine printed.
    """
    if lock := re.search(r"created by (\S+) \(pid (\d+)\) at (\S+)", printed):
        who, pid, since = lock.groups()
        return (
            f"the stack is locked by {who} (process {pid}) since {since}: another update is under way; wait for it, "
            "or, if that process is known to be dead, run `pulumi cancel`. Nothing was changed."
        )
    several = re.findall(r"^\s*(?:error:)?\s*\d+\) (?!Unknown$)(.*)$", printed, flags=re.MULTILINE)
    errors = re.findall(r"^\s*(?:stderr: )?error: (.*)$", printed, flags=re.MULTILINE)
    lines = printed.strip().splitlines() or ["the engine gave no reason"]
    reason = "; ".join(several) or (errors[-1] if errors else lines[-1])
    if re.search("no space left on device|read-only file system", reason):
        reason += ". The state backend could not be written: make room there, or make it writable, then run this again."
    return reason
