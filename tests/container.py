"""Tools of the container's tests: an engine that works on this machine, a base image, trees to change root into."""

import json
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from urllib.request import urlopen

import pytest

DEBIAN = "http://deb.debian.org/debian"
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]
"""A machine without the right to raise limits refuses the engines' own."""
ENGINES = (
    ["docker"],
    ["podman"],
    ["podman", "--cgroup-manager", "cgroupfs", "--runtime", "runc"],
    ["podman", "--cgroup-manager", "cgroupfs", "--runtime", "runc", "--storage-driver", "vfs"],
)
NAME = "embedtrack-base"


def call(*words: object, seconds: float = 900) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=seconds, check=False)


def good(*words: object, seconds: float = 900) -> str:
    """The output of a command without which the machine cannot run containers."""
    if shutil.which(str(words[0])) is None:
        pytest.skip(f"{words[0]} is not installed")
    done = call(*words, seconds=seconds)
    if done.returncode:
        pytest.skip(f"{' '.join(map(str, words))[:200]}: {done.stderr.strip()[-600:]}")
    return done.stdout


@cache
def debian(release: str, *packages: str) -> Path:
    """A tar file of a small Debian, without documentation as in the official images."""
    path = Path("/var/tmp") / f"embedtrack-{'-'.join([release, *packages])}.tar"
    if not path.exists():
        without = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "locale", "man", "info")]
        words = ["mmdebstrap", "--variant=minbase" if packages else "--variant=essential", *without]
        if packages:  # as the official images: without the tool that once merged /usr, and so without perl
            perl = "usrmerge perl perl-modules-5.36 libperl5.36"
            words.append(f'--customize-hook=chroot "$1" apt-get purge --yes --auto-remove {perl}')
        good(
            *words,
            *([f"--include={','.join(packages)}"] if packages else []),
            release,
            path.with_suffix(".new.tar"),
            DEBIAN,
        )
        path.with_suffix(".new.tar").rename(path)
    return path


@cache
def engine() -> tuple[str, ...]:
    """docker, or podman with the options that work on this machine; the base image is there then."""
    faults = []
    for words in ENGINES:
        if shutil.which(words[0]) is None or call(*words, "info").returncode:
            faults.append(f"{' '.join(words)}: not there")
            continue
        if call(*words, "image", "inspect", NAME).returncode:
            good(*words, "import", debian("bookworm", "python3", "python3-venv", "usr-is-merged"), NAME)
        done = call(*words, "run", "--rm", *LIMITS, "--network", "none", NAME, "true")
        if not done.returncode:
            return tuple(words)
        faults.append(f"{' '.join(words)}: {done.stderr.strip()[-200:]}")
    pytest.skip("no container engine works here: " + "; ".join(faults))


def memory_limits() -> list[str]:
    """A limit of two gigabytes, where the engine can set one."""
    words = ["--memory", "2g"]
    works = call(*engine(), "run", "--rm", *LIMITS, *words, "--network", "none", NAME, "true").returncode == 0
    return words if works else []


def installer() -> list[str]:
    """Options that let pip find in a build what it finds on this machine: its settings, folders and certificates."""
    lines = call(sys.executable, "-m", "pip", "config", "list").stdout.splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    chosen = {name.split(".")[-1]: json.loads(text.replace("'", '"')) for name, text in settings.items()}
    file = Path("/var/tmp/embedtrack-pip.conf")
    names = ("index-url", "extra-index-url", "find-links", "cert", "trusted-host")
    file.write_text("[global]\n" + "".join(f"{name} = {chosen[name]}\n" for name in names if name in chosen))
    folders = {file: Path("/etc/pip.conf")}
    for word in " ".join(str(chosen.get(name, "")) for name in names).split():
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists():
            place = path if path.is_dir() and not word.startswith("file://") else path.parent  # an index names others
            folders[place] = place
    return [word for source, place in folders.items() for word in ("--volume", f"{source}:{place}:ro")]


def out_of_reach(torch_index: str) -> str:
    """Which archive that a build needs does not answer now; empty if all do."""
    try:
        with urlopen(f"{DEBIAN}/dists/bookworm/Release", timeout=30):
            pass
    except OSError as error:
        return f"{DEBIAN}: {error}"
    pip = [sys.executable, "-m", "pip", "--no-cache-dir", "--quiet", "--retries", "1", "--timeout", "30"]
    with tempfile.TemporaryDirectory() as scratch:
        for words in (
            ["download", "--no-deps", "--dest", scratch, "mdurl"],  # a small one
            ["index", "versions", "torch", "--index-url", torch_index],
        ):
            done = call(*pip, *words)
            if done.returncode:
                return f"pip {words[0]}: {done.stderr.strip()[-300:]}"
    return ""


if __name__ == "__main__":
    engine()
    debian("bullseye")
