"""What the small image leaves out is nothing that tracking loads; the image itself is built behind ``container``."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions

from embedtrack.challenge.convention import REPOSITORY

BLOCKED = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))
from embedtrack import __main__
from embedtrack.challenge import provenance
from embedtrack.inference import track
from embedtrack.live import watch
from embedtrack.cli.display import frames_bar
from embedtrack.batch import run
from embedtrack.cli import infer
"""


def test_tracking_loads_nothing_that_the_small_image_lacks():
    line = re.search(r"needless='(.*?)'", (REPOSITORY / "Dockerfile").read_text())
    assert line is not None
    packages = set(line[1].split("|"))
    modules = [name for name, brought in packages_distributions().items() if packages & {p.lower() for p in brought}]
    assert {"ctc_metrics", "pandas", "sklearn"} <= set(modules)
    words = [sys.executable, "-c", BLOCKED, *modules]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
