"""The relay between whatever migrates and the server, which reads PostgreSQL's protocol.

`wire.Wire` is the guard's handle; the relay runs in a process of its own, which imports nothing
of this package but what stands in this folder, nor what pytest's process has patched.
"""
