"""Which limits a tenant may have of its own; apart from quotas.py, so that naming them loads no database."""

from __future__ import annotations

LIMITS = ("rate_limit_per_min", "max_unfinished_jobs", "max_avatars", "max_portraits", "max_webhook_endpoints")
"""Names of settings."""
