"""Every sentence the protocol can say by itself, in one place: codes can be compared with RFC 5321 and RFC 3463.

None of them repeats what the client sent, names a product or tells a route.
"""

from bridge.smtpd.contract import Reply

OK = b"250 2.0.0 OK\r\n"
SENDER_OK = b"250 2.1.0 OK\r\n"
RECIPIENT_OK = b"250 2.1.5 OK\r\n"
SEND_DATA = b"354 End data with <CR><LF>.<CR><LF>\r\n"
GO_TLS = b"220 2.0.0 Ready to start TLS\r\n"
CANNOT_VERIFY = b"252 2.5.0 Cannot verify, send and see\r\n"
HELP = b"214 2.0.0 See RFC 5321\r\n"
BROKE = b"451 4.3.0 temporary failure, try again later\r\n"
LOGGED_IN = b"235 2.7.0 Authentication successful\r\n"

BYE = Reply(221, "2.0.0", "Bye")
TIMEOUT = Reply(421, "4.4.2", "timeout, closing connection")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "too many errors, closing connection")
TOO_MANY_COMMANDS = Reply(421, "4.7.0", "too many commands without a mail, closing connection")
TOO_MANY_LOGINS = Reply(421, "4.7.0", "too many failed logins, closing connection")
LOGIN_ENDED = Reply(421, "4.7.0", "this login has been changed or removed, closing connection")
TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "too many connections, try again later")
NOT_A_PROXY = Reply(421, "4.7.0", "PROXY is not spoken here")
BAD_HEADER = Reply(421, "4.7.0", "no PROXY header that can be understood")
MAKING_ROOM = Reply(421, "4.3.2", "idle connection closed to make room")
SHUTTING_DOWN = Reply(421, "4.3.2", "service shutting down, try again later")
OVERLOADED = Reply(421, "4.3.2", "overloaded, try again later")
BROKEN = Reply(421, "4.3.0", "temporary failure, try again later")

TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "too many recipients")
NO_ROOM = Reply(452, "4.3.1", "too many mails at once, try again later")
NO_TLS = Reply(454, "4.7.0", "TLS not available")

UNKNOWN_COMMAND = Reply(500, "5.5.1", "command not recognized")
LINE_TOO_LONG = Reply(500, "5.5.2", "command line too long")
AUTH_LINE_TOO_LONG = Reply(500, "5.5.6", "authentication exchange line too long")
SYNTAX = Reply(501, "5.5.2", "syntax error")
BAD_PARAMETER = Reply(501, "5.5.4", "bad parameter value")
BAD_BASE64 = Reply(501, "5.5.2", "cannot decode base64")
AUTH_ABORTED = Reply(501, "5.7.0", "authentication aborted")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "command not implemented")
OUT_OF_ORDER = Reply(503, "5.5.1", "bad sequence of commands")
UNKNOWN_MECHANISM = Reply(504, "5.5.4", "unrecognized authentication type")
NEED_TLS = Reply(530, "5.7.0", "must issue a STARTTLS command first")
WRONG_LOGIN = Reply(535, "5.7.8", "authentication credentials invalid")
AUTH_NEEDS_TLS = Reply(538, "5.7.11", "encryption required for authentication")
BARE_LINE_END = Reply(550, "5.5.2", "bare CR or LF in message")
NUL_IN_DATA = Reply(550, "5.6.0", "NUL in message")
TOO_BIG = Reply(552, "5.3.4", "message too big")
NO_RECIPIENTS = Reply(554, "5.5.1", "no valid recipients")
OUT_OF_SYNC = Reply(554, "5.5.0", "protocol synchronization error")
NOT_ONE_OF_OURS = Reply(554, "5.7.1", "this port is for known devices only")
DATA_LINE_TOO_LONG = Reply(554, "5.6.0", "line too long in message")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "parameter not recognized")
