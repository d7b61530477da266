"""``python -m hubstack``: the command line."""

from hubstack.commands.main import main

main()
