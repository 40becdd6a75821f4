"""Scripted SMTP sessions: what a client says, what the real door must answer, and what is then in the real spool.

The format is explained in tests/smtpd/test_dialogs.py, which plays them.
"""
