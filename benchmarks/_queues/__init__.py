"""Engines that answer chats in order, ours and our peers', behind one command line; what is measured is in `load`.

`worker` is what every driver is built on, `firstline`, `procrastinate_` and `dbos_` are the drivers.
"""
