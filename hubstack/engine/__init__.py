"""How hubstack runs the engine: the command line ``pulumi`` with a language host of our own (docs/adr/0014).

`stack` is one stack with its state, and single operations on it. Below it, `operation` is one update, preview, refresh
or destroy, `events` is what the engine reports of it, and `notices` are what people see of that. `servers` keeps the
processes that have imported the program, `forkserver` is such a process. `backend`, `command` and `locks` need none.
`state` is what the engine exports, typed.
"""
