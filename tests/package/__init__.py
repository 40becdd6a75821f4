"""What is installed: wheel, sdist, Debian package and image, and the service under a real systemd."""
