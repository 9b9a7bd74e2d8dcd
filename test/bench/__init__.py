"""nlock beside its peers, measured: see run."""
