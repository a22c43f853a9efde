"""Webhooks: who is told when a job ends, and how."""
