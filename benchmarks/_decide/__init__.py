"""What `benchmarks/decide.py` is made of: the chats, our own decision, and the peers', each in its own process."""
