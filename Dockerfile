# EmbedTrack in a container: segment and track DATASET/SEQUENCE of the folder mounted at /data.
#
#   docker build -t embedtrack .                                                              CUDA, several GB
#   docker build -t embedtrack --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu . CPU only
#   ... --build-arg PURPOSE=tracking             without what only training, evaluation and tables load
#   ... --build-arg REVISION="$(git rev-parse HEAD)"   noted in the log beside each result
#   docker run --rm --gpus all --network none --read-only --user "$(id -u):$(id -g)" -v /data:/data embedtrack DATASET 01
#   docker run ... embedtrack infer /data/movie.tif ...                any other command
#
# Nothing is written but the result: any user, a read-only root, no network and no temporary folder are enough.
# By the digest of the index of all architectures, as a tag may come to mean another image.
ARG BASE_IMAGE=python:3.11.14-slim-bookworm@sha256:65a93d69fa75478d554f4ad27c85c1e69fa184956261b4301ebaf6dbb0a3543d

FROM ${BASE_IMAGE} AS build
# Where torch comes from if not from PyPI (whose build for Linux is CUDA's): an index of wheels for CPU or another CUDA.
ARG TORCH_INDEX=
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && python3 -m venv /opt/venv
WORKDIR /opt/embedtrack
COPY requirements.lock requirements-cpu.lock ./
# torch first, in a layer of its own: it is most of the image and changes least.
RUN awk '/^[a-z]/ {torch = /^(torch|triton|cuda-|nvidia-)/} torch' requirements.lock >/tmp/torch.lock \
    && awk '/^[a-z]/ {torch = /^(torch|triton|cuda-|nvidia-)/} !torch' requirements.lock >/tmp/rest.lock \
    && case "$TORCH_INDEX" in */cpu*) cpu=$(python3 -c 'import sys, platform; print(sys.version_info[:2] == (3, 11) and platform.machine() == "x86_64")');; esac \
    && if [ "${cpu:-}" = True ]; then \
        pip install --no-compile --no-deps --require-hashes --index-url "$TORCH_INDEX" --requirement requirements-cpu.lock; \
    elif [ -n "$TORCH_INDEX" ]; then \
        pip install --no-compile --no-deps --index-url "$TORCH_INDEX" "$(grep -o '^torch==[0-9.]*' /tmp/torch.lock)"; \
    else pip install --no-compile --no-deps --require-hashes --requirement /tmp/torch.lock; fi
# PURPOSE=tracking leaves out what only training, evaluation and tables load.
ARG PURPOSE=all
RUN if [ "$PURPOSE" = tracking ]; then \
        needless='py-ctcmetrics|pandas|python-dateutil|tzdata|scikit-learn|joblib|narwhals|threadpoolctl|sympy|mpmath|imageio|networkx|setuptools' \
        && awk "/^[a-z]/ {out = /^($needless)=/} !out" /tmp/rest.lock >/tmp/less.lock && mv /tmp/less.lock /tmp/rest.lock \
        && pip uninstall --yes setuptools; fi \
    && pip install --no-compile --no-deps --require-hashes --requirement /tmp/rest.lock
# What no command of ours loads: symbols for debuggers, headers, types, test programs, the packages' own tests, and pip.
# (The libraries in *.libs break when stripped; scikit-image reads its own .pyi files.)
RUN cd "$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && strip --strip-unneeded torch/lib/libtorch_cpu.so torch/lib/libtorch_python.so \
        llvmlite/binding/libllvmlite.so imagecodecs/*.so \
    && find scipy skimage numba/*.so -name '*.so' -type f -exec strip --strip-unneeded {} + \
    && python3 -B -c 'import imagecodecs; imagecodecs.version()' \
    && rm -rf torch/test torch/include skimage/data pip pip-*.dist-info \
    && rm -f torch/lib/lib*_test.so torch/lib/libbackend_with_compiler.so \
    && find . -name '*.pyi' -not -path './skimage/*' -delete \
    && find torch/bin -type f -not -name torch_shm_manager -delete \
    && find . -type d -name tests -path '*/*/tests' -not -path './torch/*' -prune -exec rm -rf {} +
COPY embedtrack ./embedtrack
COPY models ./models
COPY benchmarks/*.py ./benchmarks/
# A first run compiles what runs need and nothing else: Python's byte code, and numba's machine code for any x86-64.
ENV NUMBA_CPU_NAME=generic PYTHONPATH=/opt/embedtrack
RUN python3 -m embedtrack simulate /tmp/warm --frames 3 --size 128 128 --cells 4 \
    && model="$(dirname "$(ls models/*/weights.safetensors | head -n 1)")" \
    && python3 -m embedtrack infer /tmp/warm/01 --model "$model" --out /tmp/warm/01_RES --device cpu \
    && rm -rf /tmp/warm

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="EmbedTrack" \
      org.opencontainers.image.description="Segment and track cells by the rules of the Cell Tracking Challenge" \
      org.opencontainers.image.licenses="MIT"
ARG REVISION=unknown
LABEL org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/embedtrack /opt/embedtrack
COPY LICENSE /opt/embedtrack/
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/embedtrack \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CPU_NAME=generic \
    DATA_ROOT=/data \
    EMBEDTRACK_REVISION=${REVISION} \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /data
# DATASET 01, or any command.
ENTRYPOINT ["python3", "-m", "embedtrack"]
CMD ["--help"]
