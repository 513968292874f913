"""What pyproject.toml cannot say: the shipped models lie beside the package, and within it in a wheel."""

from setuptools import find_namespace_packages, setup

setup(
    packages=[*find_namespace_packages(include=["embedtrack*"]), "embedtrack.models"],
    package_dir={"embedtrack.models": "models"},
    package_data={
        "": ["*.yaml", "*.html", "*.css", "*.js", "*.svg"],
        "embedtrack.models": ["*/weights.safetensors", "*/config.json", "*/README.md"],
    },
)
