"""A real Slurm on this machine, and the tests of sweeps whose steps are its jobs: `python -m tests.slurm` starts one."""
