"""Sources, their order, and every fault at once."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toolkit.config import Config, TrainConfig, from_dict, load, settings, to_dict, to_yaml
from toolkit.config.load import MAX_BYTES
from toolkit.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    path = folder / "some.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def fault(**given: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(**given)
    return str(caught.value)


def test_without_any_source_the_defaults_hold() -> None:
    assert load() == Config()
    assert load().backbone.name == "xlm-roberta-large"
    assert load().train == TrainConfig()


def test_flags_win_over_sets_which_win_over_the_file_which_wins_over_the_defaults(tmp_path: Path) -> None:
    path = written(tmp_path, "train: {lr: 1e-3, seed: 1, epochs: 7}")
    config = load(path, ["train.lr=1e-4", "train.seed=2"], {"train.seed": 3, "train.batch_size": None})
    assert (config.train.epochs, config.train.lr, config.train.seed, config.train.batch_size) == (7.0, 1e-4, 3, 32)


def test_the_last_of_two_sets_of_one_key_wins() -> None:
    assert load(sets=["train.seed=1", "train.seed=2"]).train.seed == 2


def test_a_set_is_split_at_its_first_equals_sign() -> None:
    uri = "postgresql://host/db?sslmode=require&a=b"
    assert load(sets=[f"tracking.uri={uri}"]).tracking.uri == uri


def test_the_result_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load().train.lr = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("train: {lr: 1e-4}", "train.lr", 1e-4),  # YAML 1.1 reads text
        ("train: {lr: '1e-4'}", "train.lr", 1e-4),
        ("train: {lr: auto}", "train.lr", "auto"),
        ("train: {limit: 1e4}", "train.limit", 10_000),
        ("train: {limit: 010}", "train.limit", 10),  # YAML 1.1 reads octal 8
        ("train: {limit: null}", "train.limit", None),
        ("train: {limit: ~}", "train.limit", None),
        ("train: {limit: }", "train.limit", None),
        ("train: {epochs: 3}", "train.epochs", 3.0),
        ("backbone: {name: no}", "backbone.name", "no"),  # YAML 1.1 reads False
        ("backbone: {revision: 1e10}", "backbone.revision", "1e10"),  # a commit that looks like a number
        ("backbone: {revision: 0123456}", "backbone.revision", "0123456"),
        ("backbone: {revision: 'null'}", "backbone.revision", "null"),
        ("tracking: {enabled: no}", "tracking.enabled", False),
        ("tracking: {enabled: Yes}", "tracking.enabled", True),
        ("data_root: some/where", "data_root", Path("some/where")),
        ("tracking.enabled: off", "tracking.enabled", False),
    ],
)
def test_yaml_is_converted_by_the_declared_type(tmp_path: Path, text: str, key: str, value: Any) -> None:
    found: Any = load(written(tmp_path, text))
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value
    assert type(found) is type(value) or isinstance(found, Path)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("train.lr=fast", "expected a number above 0, or 'auto'"),
        ("train.lr=0", "above 0"),
        ("train.lr=nan", "a number"),
        ("train.lr=inf", "a number"),
        ("train.lr=true", "a number"),
        ("train.seed=-1", "at least 0"),
        ("train.seed=4294967296", "at most 4294967295"),
        ("train.batch_size=2.5", "a whole number"),
        ("train.batch_size=1:30", "a whole number"),
        ("train.batch_size=" + "9" * 5000 + "e99999", "a whole number"),
        ("adapter.dropout=1", "below 1"),
        ("adapter.kind=full_bn", "'seq_bn', 'seq_bn_inv', 'full'"),
        ("backbone.precision=bf61", "Did you mean 'bf16'?"),
        ("backbone.name=", "is empty, expected text"),
        ("tracking.enabled=maybe", "true or false"),
        ("zoo=", "a path"),
        ("train.lr", "no '=', expected section.key=value"),
        ("train=3", "expected a section with the keys lr,"),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_refused_with_what_was_expected(setting: str, expected: str) -> None:
    said = fault(sets=[setting])
    assert expected in said
    assert said.startswith(f"--set {setting}")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("train.lrr", "'train.lr'"),
        ("trian.lr", "'train.lr'"),
        ("lr", "'train.lr'"),
        ("learning_rate", "'train.lr'"),
        ("train.num_train_epochs", "'train.epochs'"),
        ("train.batch-size", "'train.batch_size'"),
        ("batch_size", "'train.batch_size' or 'eval.batch_size'"),
        ("eval.nbest", "'eval.n_best'"),
        ("output_dir", "'run_dir'"),
        ("dataroot", "'data_root'"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest_legal_one(key: str, meant: str) -> None:
    assert f"no setting '{key}'. Did you mean {meant}?" in fault(sets=[f"{key}=1"])


def test_an_unknown_key_far_from_all_others_is_answered_with_the_known_ones() -> None:
    assert "Known: retrieve.protocol, retrieve.layer," in fault(sets=["retrieve.qqqqqq=1"])
    assert "Known: backbone, adapter, train," in fault(sets=["qqqqqq=1"])


def test_all_faults_of_all_sources_are_reported_at_once_with_their_places(tmp_path: Path) -> None:
    path = written(tmp_path, "train:\n  lrr: 1\n  seed: many\nbackbnoe: {name: tiny, precision: x}\n")
    said = fault(path=path, sets=["eval.limit=0", "noise"], overrides={"retrieve.layer": -1})
    assert said.startswith("6 faults in the configuration:\n")
    assert f"{path}, line 2: no setting 'train.lrr'" in said
    assert f"{path}, line 3: train.seed is 'many'" in said
    assert f"{path}, line 4: no section 'backbnoe'. Did you mean 'backbone'?" in said
    assert "--set eval.limit=0: eval.limit is '0', expected a whole number at least 1, or null" in said
    assert "--set noise: no '='" in said
    assert "retrieve.layer is '-1'" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train: [1, 2]", "line 1: 'train' is a list, expected a section"),
        ("train: {lr: {a: 1}}", "line 1: train.lr is a section, expected a number"),
        ("train: {lr: [1]}", "line 1: train.lr is a list"),
        ("- 1", "a list, expected sections"),
        ("train: {lr: 1", "not valid YAML"),
        ("train:\n\tlr: 1", "line 2: not valid YAML"),
        ("train: {lr: 1, lr: 2}", "'train.lr' is given twice"),
        ("train: {lr: 1}\ntrain: {seed: 2}", "line 2: 'train' is given twice"),
        ("train.lr: 1\ntrain: {lr: 2}", "'train.lr' is given twice"),
        ("? [a, b]\n: 1", "a key that is not text"),
        ("a: &x [1]\nb: *x", "line 2: an alias"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("[" * 100_000, "nested more than 24 deep"),
        ("a: 1\n" * 300_000, "more than 1,000,000 bytes"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_in_a_sentence(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in fault(path=written(tmp_path, text))


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "train:\n", "null", "train: {}"])
def test_a_file_without_settings_gives_the_defaults(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, text)) == Config()


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbftrain: {seed: 4}")
    assert load(path).train.seed == 4


def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "adapter.yaml").touch()
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    assert "Did you mean 'adapter.yaml'?" in fault(path=tmp_path / "adaptor.yaml")
    assert "No config file" in fault(path=tmp_path / "nowhere" / "x.yaml")
    assert "not a file" in fault(path=tmp_path)
    assert "not UTF-8" in fault(path=tmp_path / "binary.yaml")
    assert "bytes, expected a page" in fault(path=tmp_path / "large.yaml")


def test_a_missing_file_does_not_hide_the_other_faults(tmp_path: Path) -> None:
    assert fault(path=tmp_path / "x.yaml", sets=["lr=1"]).startswith("2 faults")


def test_a_configuration_survives_dict_and_yaml(tmp_path: Path) -> None:
    config = load(
        sets=["train.lr=1e-05", "backbone.name=no", "backbone.revision=1e10", "zoo=a b/ö", "tracking.enabled=no"],
        overrides={"backbone.revision": "null", "data_root": "~", "tracking.uri": "yes"},
    )
    assert from_dict(to_dict(config)) == config
    assert load(written(tmp_path, to_yaml(config))) == config


def test_a_rebuilt_configuration_is_checked_like_any_other() -> None:
    with pytest.raises(ConfigError, match="2 faults") as caught:
        from_dict({"train": {"lr": -1, "sed": 3}})
    assert "'train.seed'" in str(caught.value)


def test_every_setting_has_a_line_about_it() -> None:
    assert [key for key, about in settings().items() if not about] == []
    assert len(settings()) == sum(len(value) if isinstance(value, dict) else 1 for value in to_dict(Config()).values())


def test_the_room_imports_nothing_beyond_yaml_and_the_standard_library() -> None:
    probe = (
        "import sys, toolkit.config;"
        "names = {name.partition('.')[0] for name in sys.modules};"
        "print(sorted(n for n in names - sys.stdlib_module_names if n not in {'toolkit', 'yaml', '_yaml', '__main__'}"
        " and 'site-packages' in (getattr(sys.modules[n], '__file__', None) or '')"
        " and not n.startswith(('__editable__', '_distutils', 'sitecustomize'))))"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.seed", True),
        ("train.lr", False),
        ("train.batch_size", 2.5),
        ("train.limit", float("inf")),
        ("train.lr", 10**400),
        ("backbone.name", 3),
        ("tracking.enabled", 1),
        ("zoo", 3),
        ("zoo", "a\0b"),
        ("adapter.kind", ["full"]),
        ("train.seed", {}),
    ],
)
def test_a_python_value_of_another_type_is_refused(key: str, value: Any) -> None:
    assert f"{key} is " in fault(overrides={key: value})


def test_python_values_of_the_right_type_are_taken() -> None:
    config = load(overrides={"train.batch_size": 8.0, "train.epochs": 2, "zoo": Path("z"), "eval": {"limit": 5}})
    assert (config.train.batch_size, config.train.epochs, config.zoo, config.eval.limit) == (8, 2.0, Path("z"), 5)
    assert type(config.train.batch_size) is int
    assert type(config.train.epochs) is float


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["a.yaml", "deep/b.yaml"], ("a.yaml", "deep/b.yaml")),
        ((Path("a.yaml"),), ("a.yaml",)),
        (Path("a,b.yaml"), ("a,b.yaml",)),
        ("a.yaml, b.yaml", ("a.yaml", "b.yaml")),
        ([], ()),
    ],
)
def test_task_files_are_a_tuple_of_paths(given: Any, wanted: tuple[str, ...]) -> None:
    config = load(overrides={"task_files": given})
    assert config.task_files == tuple(map(Path, wanted))
    assert from_dict(to_dict(config)) == config


def test_task_files_come_from_yaml_and_from_set(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("task_files: [one.yaml, 'two.yaml']\n", encoding="utf-8")
    assert load(tmp_path / "a.yaml").task_files == (Path("one.yaml"), Path("two.yaml"))
    assert load(tmp_path / "a.yaml", ["task_files=x.yaml"]).task_files == (Path("x.yaml"),)


@pytest.mark.parametrize("given", [3, ["a", 3], ["a", ""], {"a": "b"}, "a,,b"])
def test_task_files_of_something_else_are_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"task_files is .*, expected a list of paths"):
        load(overrides={"task_files": given})
