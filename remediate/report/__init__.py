"""Renderers: each turns a run, or its Report, into what somebody reads."""
