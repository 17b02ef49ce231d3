"""Process of a staff: it encodes shards of the store of embeddings, with a circuit that it keeps, and searches blocks."""

from __future__ import annotations

import socket
from dataclasses import fields, replace

from toolkit.config import Config, from_dict
from toolkit.embeddings import Key, Store
from toolkit.engine.messages import Answer, Hire, Job
from toolkit.engine.process import Voice, main
from toolkit.errors import ToolkitError
from toolkit.modeling.circuit import Circuit
from toolkit.modeling.embed import vector_key
from toolkit.recipes.score.search_piece import DoPiece, do_piece
from toolkit.recipes.score.shards import ENCODINGS, EncodeShard, ShardEncoded
from toolkit.recipes.session.circuits import trained_circuit
from toolkit.recipes.session.gpus import take_own_gpu
from toolkit.recipes.session.session import Session

# What a key's field is called where two processes differ in it.
_NAMES = {"backbone": "the backbone's weights", "adapters": "the adapters' weights", "tokenizer": "the tokenizer"}


class Encoders:
    """What a process of a staff can do; see `toolkit.engine.process`."""

    def __init__(self) -> None:
        self._wired: tuple[tuple[str, str], Circuit] | None = None

    def begin(self, hired: Hire, voice: Voice) -> None:
        """Take a GPU."""
        take_own_gpu(hired.number, voice.say)

    def do(self, job: Job, hired: Hire, voice: Voice) -> Answer:
        """Do a job of a journey."""
        match job:
            case DoPiece():
                return do_piece(job, voice.report)
            case EncodeShard():
                return self._encode(job, from_dict({**hired.places, "zoo": job.zoo}), voice)
        raise AssertionError(job)

    def stop(self, hired: Hire, voice: Voice) -> None:
        """Leave everything as it is: a shard is written whole or not at all."""

    def _encode(self, job: EncodeShard, config: Config, voice: Voice) -> ShardEncoded:
        assert config.store.folder is not None
        circuit = self._circuit(job, config, voice)
        for key in job.keys:
            own = vector_key(circuit, layer=key.layer, pooling=key.pooling, max_length=key.max_length, dtype=key.dtype)
            _require_same(replace(own, kind=key.kind), key)
        encode = ENCODINGS[job.keys[0].kind]
        found = encode(circuit, job.texts, job.keys, config.eval.batch_size, "encode", voice.report)
        store = Store(config.store.folder, say=voice.say)
        for key, vectors in zip(job.keys, found.vectors, strict=True):
            store.keep(key, job.texts, vectors)
        return ShardEncoded(found.n)

    def _circuit(self, job: EncodeShard, config: Config, voice: Voice) -> Circuit:
        asked = job.expression, job.zoo
        if self._wired is None or self._wired[0] != asked:
            if self._wired is not None:
                self._wired[1].close()
                self._wired = None
            session = Session.open(config, report=voice.report, say=voice.log)
            self._wired = asked, trained_circuit(job.expression, session, heads={})[0]
        return self._wired[1]


TRADE = Encoders


def _require_same(own: Key, key: Key) -> None:
    """Raise where this process would make other vectors than the command that asks for them."""
    if own.digest == key.digest:
        return
    name = next(each.name for each in fields(key) if getattr(own, each.name) != getattr(key, each.name))
    ours, theirs = (str(getattr(each, name)) for each in (own, key))
    said = f"{_NAMES[name]} are others" if name in _NAMES else f"{name} is '{ours}' there, not '{theirs}'"
    raise ToolkitError(
        f"A worker on {socket.gethostname()} would make other vectors than this command ({said}); give every machine the "
        "same files, and name --precision where their processors differ."
    )


if __name__ == "__main__":
    main(TRADE())
