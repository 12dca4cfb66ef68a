"""Ask hosts with plain Fabric: one command each, twenty hosts at a time.

Usage: fabric_check.py HOSTS PORT KEY QUESTION. QUESTION is the command, or a file that holds it.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fabric import Config, Connection

hosts, port, key, question = sys.argv[1:]
if question.startswith("/"):
    question = Path(question).read_text()
config = Config(lazy=True)


def ask(name):
    connect = {"key_filename": key, "allow_agent": False, "look_for_keys": False}
    with Connection("127.0.0.1", user="forge", port=int(port), config=config, connect_kwargs=connect) as host:
        return f"{name} {host.run(question, hide=True, in_stream=False).stdout}"


with ThreadPoolExecutor(20) as pool:
    for answer in pool.map(ask, Path(hosts).read_text().split()):
        sys.stdout.write(answer)
