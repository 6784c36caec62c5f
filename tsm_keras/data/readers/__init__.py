"""Readers: clips of videos, of prepared data sets and of optical flow."""
