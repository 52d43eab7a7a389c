"""Databases that are in use, held against what models and migrations expect: read, never written.

targets -> look (a database is read once, by its fingerprint if another is equal) -> expected ->
fleet (several at a time) -> grouped, reports.live.
"""
