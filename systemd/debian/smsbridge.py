#!/usr/lib/smsbridge/bin/python3 -I
from bridge.cli import main

main()
