"""Front door for mail: the protocol (a subclass of aiosmtpd) here, what we do with a mail in `door`.

The protocol knows no routes, no spool and no users. It asks a `contract.Policy` and says what it was told, so that the
grammar of SMTP can be tested without the bridge and the bridge without SMTP.
"""
