"""What a node is given so that it asks this server: an update.conf, and the same in Butane."""


def server(url: str, secret: str) -> str:
    """The update endpoint as nodes address it."""
    return f"{url}/v1/update/{secret}" if secret else f"{url}/v1/update"


def update_conf(track: str, server: str) -> str:
    """`/etc/flatcar/update.conf`."""
    return f"GROUP={track}\nSERVER={server}\n"


def butane(track: str, server: str) -> str:
    """A Butane document that writes `update.conf` on a new node."""
    return (
        "variant: flatcar\n"
        "version: 1.0.0\n"
        "storage:\n"
        "  files:\n"
        "    - path: /etc/flatcar/update.conf\n"
        "      overwrite: true\n"
        "      mode: 0644\n"
        "      contents:\n"
        "        inline: |\n"
        f"          GROUP={track}\n"
        f"          SERVER={server}\n"
    )
