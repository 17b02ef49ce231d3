"""A stand-in for the Hugging Face Hub, on this machine: what `huggingface_hub` and `datasets` ask of it is answered.

    with serve(catalogue_hub({"allenai/cosmos_qa": "script"})) as address: ...

`python -m tests.hub` serves the catalogue's datasets until it is stopped, for a try by hand.
"""

from tests.hub.repos import Hub, Repo, Repositories
from tests.hub.server import serve

__all__ = ["Hub", "Repo", "Repositories", "serve"]
