"""One file per grant_type: proof in, Grant out."""
