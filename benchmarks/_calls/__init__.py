"""What benchmarks/calls.py and streams.py run: the fake vendor, and a worker process for each side compared."""
