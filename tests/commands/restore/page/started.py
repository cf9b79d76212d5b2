"""`restore --page` in a process of its own."""

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests_root import ROOT

from pipeline.commands.restore.page.start import NEEDED


class Started:
    """`restore --page` in a process of its own, with a temporary folder of its own. Skips where its extra is missing."""

    def __init__(self, temporary, *arguments):
        for name in NEEDED:
            pytest.importorskip(name, reason="the extra `page` is not installed: THE PAGE IS NOT TESTED")
        self.temporary = temporary
        temporary.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "pipeline.commands.restore.cli", "--page", *map(str, arguments)]
        # A browser in the terminal is none that is opened.
        environment = os.environ | {"TMPDIR": str(temporary), "BROWSER": "true"}
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said, self.address = [], None
        for line in self.process.stdout:
            self.said.append(line.strip())
            if line.startswith("The page: "):
                self.address = urlsplit(line.removeprefix("The page: ").strip())
                break

    def ask(self, path, method="GET", body=None):
        connection = http.client.HTTPConnection(self.address.netloc, timeout=60)
        origin = {"Origin": f"http://{self.address.netloc}"}
        connection.request(method, self.address.path + path, body, origin)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        assert answer.status < 300, data
        return data

    def photo(self):
        """The only photo, once it is done."""
        while (photo := json.loads(self.ask("photos"))[0])["state"] != "done":
            time.sleep(0.05)
        return photo

    def files(self):
        return [path for path in self.temporary.rglob("*") if path.is_file()]

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def children(process: int) -> list[int]:
    """The processes that a process spawned to work for it."""
    found = []
    for number in map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()):
        if "spawn_main" in Path(f"/proc/{number}/cmdline").read_text():
            found.append(number)
    return found
