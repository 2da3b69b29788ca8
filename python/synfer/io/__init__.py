"""Files of other kinds than the nouns' own: checkpoints of long work, and fitted models."""

from synfer.io.checkpoints import load_checkpoint, save_checkpoint
from synfer.io.models import load_model

__all__ = ["load_checkpoint", "load_model", "save_checkpoint"]
