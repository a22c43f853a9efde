"""Running jobs: engine hosts, the job runner, the embedded supervisor, Celery, the command line."""
