"""The configuration of the Debian package, made of the examples in config/ and written to standard output.

`bridge`: bridge.toml with files where the unit may write. Mails go to a Maildir until a smarthost is named, so that
none goes to a host of the example. `routes`: routes.toml with all rows but the first commented out, and nothing in
bridge.toml proves that anybody is whom that row allows. So a bridge that was just installed runs, and serves nobody.
"""

import re
import sys

STATE = "/var/lib/smsbridge"
CHANGES = {
    'key_file = "smsbridge.key"': f'key_file = "{STATE}/smsbridge.key"',
    'url = "sqlite:smsbridge.db"': f'url = "sqlite:{STATE}/smsbridge.db"',
    'host = "mail.example.com"': '#host = "mail.example.com"',
    "port = 587": "#port = 587",
    'tls = "required"': '#tls = "required"',
    '#maildir = "maildir"': (
        "# As installed, so that nothing leaves this machine before you name a host above; remove it then.\n"
        f'maildir = "{STATE}/mail"'
    ),
}


def bridge(text: str) -> str:
    """Raises SystemExit where the example no longer says what is to be changed."""
    for old, new in CHANGES.items():
        text, times = re.subn(rf"^{re.escape(old)}$", lambda _, new=new: new, text, flags=re.MULTILINE)
        if times != 1:
            sys.exit(f"config/bridge.toml says {old!r} {times} times, not once")
    return text


def routes(text: str) -> str:
    """All as it is, but the rows from the second on behind a #."""
    shown, rows = [], 0
    for line in text.splitlines():
        rows += line == "[[route]]"
        shown.append(f"#{line}" if rows > 1 and line and not line.startswith("#") else line)
    return "\n".join(shown) + "\n"


if __name__ == "__main__":
    sys.stdout.write({"bridge": bridge, "routes": routes}[sys.argv[1]](sys.stdin.read()))
