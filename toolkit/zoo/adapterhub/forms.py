"""Forms of the library's configurations here: the bottleneck after the feed-forward block, with an invertible layer after the
embeddings or without, its fusion, and five heads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from toolkit.config import AdapterConfig
from toolkit.config.words import AdapterKind
from toolkit.errors import ZooError
from toolkit.tasks.kinds import Kind
from toolkit.zoo.adapterhub.layout import FUSION, HEADS, OUTPUTS, REDUCTION, SEQ_BN, STATIC_HEADS
from toolkit.zoo.adapterhub.read import Saved, shown

if TYPE_CHECKING:
    from torch import Tensor

SUPPORTED = (
    "what can be taken is the bottleneck after the feed-forward block (`seq_bn`, earlier `pfeiffer`), with MAD-X's invertible layer "
    "(`seq_bn_inv`) or without, and its fusion"
)
_FREE = (
    "architecture",
    "reduction_factor",
    "non_linearity",
    "dropout",
    "leave_out",
    "init_weights",
    "init_weights_seed",
    "inv_adapter",
    "inv_adapter_reduction_factor",
    "invertible_adapter",  # of releases before 2.0, both of the last two
    "cross_adapter",
    "attention_type",  # of releases before 2.0, of fusions
    "new_attention_norm",
)
# Read only where `phm_layer` is set, which is refused.
_PHM = ("phm_", "hypercomplex_", "learn_phm", "shared_phm_", "shared_W_phm", "factorized_phm_")
_KINDS = {
    "mh_adapter": "a second bottleneck after the attention (`double_seq_bn`, houlsby)",
    "is_parallel": "a parallel adapter",
    "phm_layer": "a Compacter (PHM) layer",
    "use_gating": "a gated adapter",
    "scaling": "a scaled adapter",
}
OUT = ("out.weight", "out.bias")  # one row a class
_NAMELESS = re.compile(r"(LABEL_|class_?|label_?)?\d+", re.IGNORECASE)
# `adapter-transformers` before `adapters` meant other functions by these names; the library maps them like this.
_OLD_NAMES = {"gelu": "gelu_new", "gelu_orig": "gelu"}


def adapter_shape(saved: Saved, n_layers: int) -> AdapterConfig:
    """Return the shape of a saved adapter.

    Raises:
        ZooError: it is an adapter of another kind; the sentence says which, and what is supported.
    """
    config, what = saved.config, f"Adapter '{shown(saved.name)}' of {saved.folder}"
    if not isinstance(config, Mapping):
        raise ZooError(f"{what} is of the kind '{shown(config)}' without its fields; {SUPPORTED}.")
    if config.get("architecture"):
        raise ZooError(f"{what} is of the kind '{shown(config['architecture'])}'; {SUPPORTED}.")
    for key, kind in _KINDS.items():
        if config.get(key, SEQ_BN[key]) != SEQ_BN[key]:
            raise ZooError(f"{what} is {kind}; {SUPPORTED}.")
    for key, value in config.items():
        if key in _FREE:
            continue
        if key not in SEQ_BN and not key.startswith(_PHM):
            raise ZooError(f"{what} has the field '{shown(key)}', which this release does not know; {SUPPORTED}.")
        if value != SEQ_BN.get(key, value):
            raise ZooError(f"{what} was made with {shown(key)}={shown(value)}; {SUPPORTED}, with {SEQ_BN[key]}.")
    factor = config.get("reduction_factor")
    if isinstance(factor, Mapping) and len({*factor.values()}) == 1:
        factor = next(iter(factor.values()))
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or factor < 1 or factor != int(factor):
        raise ZooError(f"{what} has the reduction factor {shown(factor)}; expected one whole number for all layers.")
    activation = str(config.get("non_linearity"))
    activation = _OLD_NAMES.get(activation, activation) if "version" not in saved.about else activation
    known = get_args(get_type_hints(AdapterConfig)["non_linearity"])
    if activation not in known:
        raise ZooError(f"{what} uses the activation '{shown(activation)}'; expected one of {', '.join(known)}.")
    form: AdapterKind = "seq_bn_inv" if _has_coupling(config, what) else "seq_bn"
    dropout = config.get("dropout", 0.0)
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ZooError(f"{what} has the dropout {shown(dropout)}; expected a number from 0 to 1.")
    lower, upper = _left_out(config.get("leave_out") or [], n_layers, what)
    return AdapterConfig(
        kind=form,
        reduction_factor=int(factor),
        non_linearity=activation,  # type: ignore[arg-type]
        dropout=float(dropout),
        leave_out_lower=lower / n_layers,
        leave_out_upper=upper / n_layers,
    )


def _has_coupling(config: Mapping[str, Any], what: str) -> bool:
    """Return whether an adapter has an invertible layer after the embeddings, which is then of the one form that is here."""
    old = config.get("invertible_adapter") or {}
    found = [(config.get("inv_adapter"), config.get("inv_adapter_reduction_factor"))]
    found += [(old.get("block_type"), old.get("reduction_factor"))] if isinstance(old, Mapping) else [(old, None)]
    block, factor = next((each for each in found if each[0]), (None, None))
    if block is None:
        return False
    if block != "nice":
        raise ZooError(f"{what} has an invertible layer of the form '{shown(block)}'; expected `nice`, that of MAD-X.")
    if factor != REDUCTION:
        raise ZooError(
            f"{what} has an invertible layer with the reduction factor {shown(factor)}; expected {REDUCTION}, that of MAD-X."
        )
    return True


def check_fusion(saved: Saved) -> tuple[str, ...]:
    """Return the library's names of a saved fusion's members.

    Raises:
        ZooError: it is a fusion of another kind.
    """
    config, what = saved.config, f"Fusion '{shown(saved.name)}' of {saved.folder}"
    if not isinstance(config, Mapping):
        raise ZooError(f"{what} is of the kind '{shown(config)}' without its fields; expected `dynamic`.")
    for key, value in config.items():
        # How it was regularised and which logits were dropped while it learnt changes nothing that it computes.
        if key not in ("regularization", "dropout_prob", "value_initialized") and value != FUSION.get(key):
            raise ZooError(
                f"{what} was made with {shown(key)}={shown(value)}, expected {FUSION.get(key)}; {SUPPORTED} (`dynamic`)."
            )
    members = saved.about.get("adapter_names", saved.name.split(","))
    if not isinstance(members, list) or not all(isinstance(name, str) for name in members):
        raise ZooError(
            f"{what} does not name its members (`adapter_names`); save it again with `adapters` 1.0 or later."
        )
    return tuple(members)


def head_form(saved: Saved, tensors: Mapping[str, Tensor], labels: Sequence[str] = ()) -> Head | str:
    """Return a saved head in our form, or in words why it has none.

    Args:
        saved: the head.
        tensors: its tensors by the library's names.
        labels: names of its classes, in the order that they are to have; a folder that names its classes otherwise is refused.

    Raises:
        ZooError: `labels` does not fit the classes, or renames them.
    """
    config = saved.config
    if config is None:
        if saved.about.get("model_class") not in STATIC_HEADS:
            return f"a head of {shown(saved.about.get('model_class'))} has no form here"
        kind, places = STATIC_HEADS[saved.about["model_class"]]
    else:
        if not isinstance(config, Mapping):
            return "its configuration has no fields"
        of_type = {library: ours for ours, (library, _) in HEADS.items()}
        if config.get("head_type") not in of_type:
            return f"a head of the type '{shown(config.get('head_type'))}' has no form here"
        kind = of_type[config["head_type"]]
        places = {ours: f"heads.{saved.name}.{number}" for ours, number in HEADS[kind][1].items()}
        for key, expected in (
            ("layers", len(places)),
            ("activation_function", "tanh"),
            ("use_pooler", False),
            ("bias", True),
        ):
            if key in config and config[key] != expected and not (key == "activation_function" and len(places) == 1):
                return f"it was made with {key}={shown(config[key])}, our {kind} head has {expected}"
    wanted = {f"{place}.{end}": f"{ours}.{end}" for ours, place in places.items() for end in ("weight", "bias")}
    if set(tensors) != set(wanted):
        return f"its tensors are {shown(', '.join(sorted(tensors)))}, expected {', '.join(sorted(wanted))}"
    found = {wanted[key]: tensor for key, tensor in tensors.items()}
    n_out = len(found["out.bias"])
    if (expected_out := OUTPUTS[kind]) is not None:
        if n_out != expected_out:
            return f"it has {n_out} outputs, our {kind} head has {expected_out}"
        if labels:
            raise ZooError(
                f"The head of {saved.folder} is of the kind '{kind}' and has no classes to name; leave --labels out."
            )
        return Head(kind, (), found)
    # A model with one fixed head has its classes next to the head's configuration, of which there is none.
    held = _labels(saved.about if config is None else config, n_out)
    named = list(labels) or held
    if len(named) != n_out or len(set(named)) != n_out:
        raise ZooError(
            f"The head of {saved.folder} has {n_out} classes, but {len(set(named))} names for them: {shown(', '.join(named))}."
        )
    order = _order(held, named, saved)
    is_same = order == list(range(n_out))
    sorted_in = {key: tensor[order] if key in OUT else tensor for key, tensor in found.items()}
    return Head(kind, tuple(named), found if is_same else sorted_in, tuple(named if is_same else held))


@dataclass(frozen=True)
class Head:
    """A head in our form: its kind, its labels in order, its tensors by our names, and the labels as the folder has them."""

    kind: Kind
    labels: tuple[str, ...]
    tensors: Mapping[str, Tensor]
    was: tuple[str, ...] = ()


def _labels(config: Mapping[str, Any], n_out: int) -> list[str]:
    """Return the names of a folder's classes in order; numbers where it names none, or another number of them.

    Example:
        >>> _labels({"label2id": {"no": 1, "yes": 0}}, 2), _labels({"id2label": {"0": "yes", "1": "no"}}, 2)
        (['yes', 'no'], ['yes', 'no'])
    """
    names, places = config.get("label2id"), config.get("id2label")
    pairs = [(str(place), str(label)) for label, place in names.items()] if isinstance(names, Mapping) else []
    if not pairs and isinstance(places, Mapping):
        pairs = [(str(place), str(label)) for place, label in places.items()]
    held = dict(pairs)
    numbers = [str(number) for number in range(n_out)]
    is_whole = len(pairs) == n_out and held.keys() == set(numbers)
    return [held[number] for number in numbers] if is_whole else [f"LABEL_{number}" for number in numbers]


def has_no_names(labels: Sequence[str]) -> bool:
    """Return whether classes are only numbered.

    Example:
        >>> has_no_names(["LABEL_0", "LABEL_1"]), has_no_names(["no", "yes"])
        (True, False)
    """
    return all(_NAMELESS.fullmatch(label) for label in labels)


def _order(held: Sequence[str], named: Sequence[str], saved: Saved) -> list[int]:
    """Return which class of a folder is each class that is asked for: names stay with their weights.

    Raises:
        ZooError: the folder names its classes, and not by these names.
    """
    if has_no_names(held):
        return list(range(len(held)))
    places = {label.casefold(): place for place, label in enumerate(held)}
    order = [places.get(label.casefold(), -1) for label in named]
    if sorted(order) != list(range(len(held))):
        raise ZooError(
            f"The head of {saved.folder} names its classes {shown(', '.join(held))}, and --labels would rename them; give the same "
            "names in the order that you want, or leave --labels out."
        )
    return order


def _left_out(layers: Any, n_layers: int, what: str) -> tuple[int, int]:
    """Return how many layers from below and from above hold no adapter.

    Example:
        >>> _left_out([0, 1, 11], 12, "It")
        (2, 1)
    """
    held = [number not in layers for number in range(n_layers)] if isinstance(layers, list) else []
    lower = held.index(True) if True in held else 0
    upper = held[::-1].index(True) if True in held else 0
    if not held or sum(held) != n_layers - lower - upper or len(layers) != lower + upper:
        raise ZooError(
            f"{what} leaves out the layers {shown(layers)}; expected some from below, some from above, not all."
        )
    return lower, upper
