"""Logging in by a real request to the application as deployed."""
