"""The submission's scripts and their names; the whole of it in a bare Debian behind the marker ``container``."""

import json
import logging
import os
import shlex
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from embedtrack.challenge.convention import REPOSITORY, models
from embedtrack.config import ModelConfig
from embedtrack.methods.embedtrack.config import Clustering, EmbedTrackConfig
from embedtrack.model_files import CARD, CONFIG, WEIGHTS
from embedtrack.ship import portable, submission
from embedtrack.ship.description import describe
from embedtrack.ship.submission import SEQUENCES, Entry, entries, scripts, write
from embedtrack.training.train import finished
from tests.container import call, debian

log = logging.getLogger(__name__)
SIM = "Fluo-N2DH-SIM+"


def folder_of(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / WEIGHTS).touch()
    return tmp_path


def test_each_configuration_has_the_challenges_names(tmp_path: Path):
    found = entries(folder_of(tmp_path, SIM, f"{SIM}-GT+ST", "allST", "GT", "mine"), [SIM])
    assert found == [Entry(SIM, SIM, ""), Entry(SIM, f"{SIM}-GT+ST", "GT+ST"), Entry(SIM, "allST", "allST")]
    names = set(scripts(found))
    assert names == {
        f"{SIM}-01.sh", f"{SIM}-02.sh", f"{SIM}-01-GT+ST.sh", f"{SIM}-02-GT+ST.sh", f"{SIM}-01-allST.sh",
        f"{SIM}-02-allST.sh", f"{SIM}-01-link.sh", f"{SIM}-02-link.sh",
        f"train-{SIM}.sh", f"train-{SIM}-GT+ST.sh", "train-allST.sh",
    }  # fmt: skip


def test_a_revision_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMBEDTRACK_REVISION", "1; touch pwned $(id) '")
    text = scripts(entries(folder_of(tmp_path, SIM), [SIM]))[f"{SIM}-01.sh"]
    [line] = [line for line in text.splitlines() if "EMBEDTRACK_REVISION" in line]
    assert shlex.split(line.removesuffix("\\"))[:2] == ["EMBEDTRACK_REVISION=1; touch pwned $(id) '", "exec"]


def test_weights_of_all_serve_every_data_set(tmp_path: Path):
    assert len(entries(folder_of(tmp_path, "allGT"))) == 10


def test_no_weights_is_one_clear_line(tmp_path: Path):
    with pytest.raises(ValueError, match=r"expected weights of PhC-C2DL-PSC in .* found mine"):
        entries(folder_of(tmp_path, "mine"), ["PhC-C2DL-PSC"])
    with pytest.raises(ValueError, match=r"expected weights of a data set of the challenge in .* found mine"):
        entries(tmp_path)
    with pytest.raises(ValueError, match=r"expected data sets of the challenge .*PhC-C2DL-PSC.* got mine"):
        entries(tmp_path, ["mine", "PhC-C2DL-PSC"])


def test_an_older_folder_and_a_file_are_left_alone(tmp_path: Path):
    (tmp_path / "SW").mkdir()
    with pytest.raises(ValueError, match="remove it"):
        write(tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="got the file"):
        write(tmp_path / "file")


def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def stop(folder: Path, requirements: object) -> None:
        folder.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(portable, "build", stop)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.fixture
def software(tmp_path: Path) -> Path:
    """SW with all scripts, and an environment that notes how it was called."""
    folder = tmp_path / "a folder" / "SW"
    python = folder / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$PWD" "$@"\ncase "$4" in */shown.*) find "$4" ;; esac\n')
    python.chmod(0o755)
    for name, text in scripts([Entry(SIM, SIM, ""), Entry(SIM, f"{SIM}-ST", "ST")]).items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize("start", ["./", "SW/"])
def test_a_script_names_input_weights_and_output(start: str, software: Path):
    where = software if start == "./" else software.parent
    run = subprocess.run(
        [f"{start}{SIM}-02-ST.sh", "--views", "1"], cwd=where, capture_output=True, text=True, check=True
    )
    words = ["-m", "embedtrack", "infer", f"../{SIM}/02", "--model", f"models/{SIM}-ST", "--out", f"../{SIM}/02_RES-ST"]
    assert run.stdout.splitlines() == [str(software), *words, "--views", "1"]


def test_a_script_links_given_masks(software: Path):
    assert not list(software.glob("*-link-ST.sh"))
    run = subprocess.run([f"./{SIM}-02-link.sh"], cwd=software, capture_output=True, text=True, check=True)
    words = ["-m", "embedtrack", "link", f"../{SIM}/02_ERR_SEG", "--raw", f"../{SIM}/02", "--model", f"models/{SIM}"]
    assert run.stdout.splitlines() == [str(software), *words, "--out", f"../{SIM}/02_RES"]


def test_training_sees_only_its_truth(software: Path, tmp_path: Path):
    data = software.parent / SIM
    for name in ("01", "01_GT/SEG", "01_GT/TRA", "01_ST/SEG", "02", "02_GT/SEG", "02_GT/TRA"):
        (data / name).mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    python = software / "environment" / "bin" / "python"
    python.write_text('#!/bin/sh\nfind "$4" -mindepth 1 -printf "%P\\n" | sort\n')
    for name, truth in (
        (f"train-{SIM}.sh", ["01_GT/SEG", "01_GT/TRA", "01_ST"]),
        (f"train-{SIM}-ST.sh", ["01_GT/TRA", "01_ST"]),
    ):
        environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
        run = subprocess.run([f"./{name}"], cwd=software, env=environment, capture_output=True, text=True, check=True)
        seen = [line for line in run.stdout.splitlines() if line.startswith("01")]
        assert seen == ["01", "01_GT", *truth]
        assert list((tmp_path / "tmp").iterdir()) == []


def test_training_goes_where_no_finished_model_is(software: Path):
    """The shipped models have their cards beside them, so that a training into their folders would be refused."""
    for name in (SIM, f"{SIM}-ST"):
        (software / "models" / name).mkdir(parents=True)
        (software / "models" / name / CARD).touch()
        run = subprocess.run([f"./train-{name}.sh"], cwd=software, capture_output=True, text=True, check=True)
        words = run.stdout.splitlines()
        assert words[words.index("--out") + 1] == f"trained/{name}"
        assert not finished(software / words[words.index("--out") + 1])


def test_description_holds_each_data_sets_settings():
    text = describe({SIM: models() / SIM / CONFIG})
    for part in ("SUMMARY", "PREPROCESSING", "SEGMENTATION", "TRACKING", "PREREQUISITES", "REFERENCES"):
        assert f"\n{part}\n" in text
    assert f"{SIM}\n    scale 1, normalisation " in text
    assert f"    reach {json.loads((models() / SIM / CONFIG).read_text())['method']['clustering']['reach']:g}\n" in text


def test_description_tells_how_cells_settle(tmp_path: Path):
    for reach, told in ((0.15, "    reach 0.15\n"), (None, "    no reach: masks are not refined\n")):
        path = tmp_path / CONFIG
        path.write_text(ModelConfig(method=EmbedTrackConfig(clustering=Clustering(reach=reach))).model_dump_json())
        text = describe({SIM: path})
        assert told in text
    method = " ".join(text.split())
    assert "each cell takes the pixels whose d to its mean centre" in method
    assert "A cell without a pixel at its own centre or beside it is dropped" in method


def test_closure_follows_requirements_and_markers():
    names = [
        package.name.lower()
        for package in portable.closure(["scikit-image==0.26.0", 'colorama; sys_platform == "win32"'])
    ]
    assert {"numpy", "scipy", "networkx", "scikit-image"} <= set(names)
    assert "colorama" not in names
    assert "torch" not in names
    assert names == sorted(names)
    with pytest.raises(ValueError, match="no-such-package to be installed"):
        portable.closure(["no-such-package"])


def strangers(environment: Path) -> list[str]:
    """What a binary of the environment would take from the host, or would not find: the line of the loader."""
    loader, found = next((environment / "lib").glob("ld-*")), []
    for path in environment.rglob("*"):
        if path.is_file() and portable.is_binary(path):
            lines = call(loader, "--library-path", environment / "lib", "--list", path).stdout.splitlines()
            named = [line for line in lines if "=>" in line and f"=> {environment}/" not in line]
            found += [f"{path.name}: {line}" for line in named if not portable.DRIVER.match(line.split()[0])]
    return found


@pytest.mark.container
@pytest.mark.timeout(1200)
def test_it_runs_in_a_bare_debian_after_moving(tmp_path: Path):
    """Debian 11 has an older C library than this machine may have, and this tree has no python."""
    exclusive = ["unshare", "--net", "--mount", "--pid", "--fork"]
    if call(*exclusive, "true").returncode:
        pytest.skip("this user may not change root")
    tree = tmp_path / "tree"
    with tarfile.open(debian("bullseye")) as tar:
        tar.extractall(tree, filter=lambda member, path: None if member.isdev() else member)
    begin = time.perf_counter()
    software = write(tmp_path / "made", [SIM])
    size = sum(path.stat().st_size for path in software.rglob("*") if path.is_file())
    log.info("SW of %.2f GB made in %.0f s", size / 1e9, time.perf_counter() - begin)
    assert strangers(software / "environment") == []
    place = tree / "srv" / "moved here"
    place.mkdir(parents=True)
    software.rename(place / "SW")
    shutil.copytree(REPOSITORY / "demo" / "01", place / SIM / "01")
    inside = f"cd '/srv/moved here/SW' && ! command -v python3 && exec ./{SIM}-{SEQUENCES[0]}.sh --views 1"
    mount = 'mkdir -p "$0/dev" "$0/proc"; mount --bind /dev "$0/dev" && mount -t proc proc "$0/proc"'
    run = call(*exclusive, "sh", "-c", f'{mount} && exec chroot "$0" sh -c "$1"', tree, inside)
    assert run.returncode == 0, run.stdout + run.stderr
    log.info(run.stderr.strip().splitlines()[-1])
    data = {**os.environ, "DATA_ROOT": str(tmp_path)}
    shutil.copytree(place / SIM / "01", tmp_path / SIM / "01")
    words = [str(REPOSITORY / "run_seq.sh"), SIM, "01", "--views", "1"]
    assert subprocess.run(words, env=data, capture_output=True, check=False).returncode == 0
    ours, theirs = ({p.name: p.read_bytes() for p in (root / SIM / "01_RES").iterdir()} for root in (tmp_path, place))
    assert ours == theirs


def test_a_wheel_refuses_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(submission, "INSTALLED", True)
    with pytest.raises(ValueError, match="in a checkout"):
        write(tmp_path / "new")
    assert not (tmp_path / "new").exists()
