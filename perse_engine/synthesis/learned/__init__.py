"""Pictures by pretrained models on the subject's own geometry; see docs/guides/models.md."""
