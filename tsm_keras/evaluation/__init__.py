"""Evaluation: predictions, pictures, reports."""
