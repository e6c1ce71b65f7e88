"""Prints the commands of Feast's command line, as a JSON list of objects: a
command's words, its arguments and its options, each with all of its names.

    python scripts/feast-commands.py
"""

import json

import click
from feast.cli.cli import cli


def walk(command, words):
    options, arguments = [], []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            arguments.append(parameter.name)
        else:
            options.append(sorted(parameter.opts + parameter.secondary_opts))
    yield {"words": words, "arguments": arguments, "options": options, "group": isinstance(command, click.Group)}
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from walk(command.commands[name], words + [name])


print(json.dumps(list(walk(cli, [])), indent=1))
