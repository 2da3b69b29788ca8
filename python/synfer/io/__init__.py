"""Files of other kinds than the nouns' own: here checkpoints of long work."""

from synfer.io.checkpoints import load_checkpoint, save_checkpoint

__all__ = ["load_checkpoint", "save_checkpoint"]
