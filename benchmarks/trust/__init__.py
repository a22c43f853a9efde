"""Does the service keep its promises, under faults, hostile input and load? `python -m benchmarks.trust --help`."""
