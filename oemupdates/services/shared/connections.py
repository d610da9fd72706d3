"""Connections to the database of threads that answer one request after another."""

from django.db import connection


def give_back() -> None:
    """Let go of this thread's connection where it is one of few.

    PostgreSQL's are from a pool. SQLite's are the thread's own, and take 3 ms to be opened anew.
    """
    if connection.vendor == "postgresql":
        connection.close()
