# SPDX-License-Identifier: MIT
"""nlock beside its peers, measured: see run."""
