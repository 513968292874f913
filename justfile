# One short recipe per chore: https://just.systems

# the demo movie, segmented and tracked
demo:
    ./run_seq.sh demo 01

# lint, types, tests
test *options:
    ./tests/run.sh {{options}}

# training, and real movies
test-slow:
    ./tests/run.sh -m slow

# the tests of napari's window and TensorBoard (needs pip install '.[napari,tensorboard]'; napari is too heavy for all tests)
test-window:
    QT_QPA_PLATFORM=offscreen .venv/bin/python -m pytest tests/viewer tests/test_journal.py

# mend what ruff can mend
format:
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .

# random faults over all commands
campaign minutes="10":
    .venv/bin/python -m tests.campaign --minutes {{minutes}}

# every data set in $DATA_ROOT
train *options:
    ./train_all.sh {{options}}

# the table of scores in docs/results.md
scores:
    .venv/bin/python -m benchmarks.validation

# the trackers that `python -m benchmarks.linking` compares with. btrack (MIT) brings CVXOPT, which is GPL, and byotrack (MIT)
# asks for an older NumPy through an OpenCV that the program has in another form: so neither is one of our extras.
trackers:
    .venv/bin/pip install '.[linking]' btrack==0.7.0
    .venv/bin/pip install --no-deps byotrack==2.0.7 backports.zstd==1.8.0 pylapy==1.1.0 torch-kf==0.4.3 torch-tps==1.2.2

# requirements.lock: every package that requirements.txt leads to, by version and hash (needs uv: pip install uv)
lock:
    uv pip compile requirements.txt --universal --python-version 3.11 --generate-hashes --custom-compile-command "just lock" --quiet --output-file requirements.lock

# the licence of every package that the program needs; fails on one that binds
licences:
    .venv/bin/python -m benchmarks.licences

# known faults of the locked packages (needs pip-audit, and PyPI or osv.dev)
audit:
    pip-audit --disable-pip --requirement requirements.lock
