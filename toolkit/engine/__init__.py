"""Engine: processes on one machine or many that do jobs, given to them by a dask cluster and heard while they work."""
