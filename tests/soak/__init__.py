"""The soak: every command under signals, bad servers, damaged inputs and full disks; `python -m tests.soak --help`.

`signals.py` sends signals to commands and compares what they leave with what an undisturbed command leaves; `inputs.py` gives
every door something damaged; `disks.py` fills the disk under every folder. What is promised is in `docs/reliability.md`.
"""
