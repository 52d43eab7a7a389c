"""An anomaly report service, small and real: the application of the story that began it all.

Users upload tables of measurements, an analysis looks for anomalies in one, a report shows them.
"""
