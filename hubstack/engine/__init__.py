"""How hubstack runs the engine: the command line ``pulumi`` with a language host of our own (docs/adr/0014).

`servers` keeps the processes that have imported the program, `forkserver` is such a process, `operation` is one update,
preview, refresh or destroy of one stack, `events` is what the engine reports of it.
"""
