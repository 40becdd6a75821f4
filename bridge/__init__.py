"""smsbridge: two doors, one spool, delivery. Mail becomes SMS, SMS becomes mail."""

__version__ = "0.1.0"
