"""The bucket (S3) that hosted payloads are copied to, and that nodes are sent to for them."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from fleet.environment import env
from oemupdates.domain.address import holds_secret

_WEEK_SECONDS = 7 * 24 * 60 * 60


class Bucket(NamedTuple):
    """Where it is; without a name there is none.

    Its keys are where every tool of that kind finds them: AWS_ACCESS_KEY_ID and so on. For
    `link_seconds` a node may begin to fetch by a link.
    """

    name: str
    region: str
    endpoint: str
    prefix: str
    link_seconds: int
    ca_file: str


def read(*, scheme: str) -> Bucket:
    """The bucket that the environment names, which nodes can be sent to from this scheme."""
    name = env.str("FLEET_S3_BUCKET", default="")
    region = env.str("FLEET_S3_REGION", default="us-east-1")
    # A bucket whose name has dots is under no certificate of its own.
    own = "" if "." in name else f"{name}."
    found = Bucket(
        name,
        region,
        env.str("FLEET_S3_ENDPOINT", default=f"https://{own}s3.{region}.amazonaws.com").rstrip(
            "/"
        ),
        env.str("FLEET_S3_PREFIX", default=""),
        env.int("FLEET_S3_LINK_SECONDS", default=6 * 60 * 60),
        env.str("AWS_CA_BUNDLE", default=""),
    )
    if name and (wrong := _wrong(found, scheme)):
        raise ImproperlyConfigured(wrong)
    return found


def _wrong(bucket: Bucket, scheme: str) -> str:
    """Why no node could be sent there; empty if they can."""
    url = urlsplit(bucket.endpoint)
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._-]{2,62}", bucket.name):
        return "FLEET_S3_BUCKET must be the name of a bucket: letters, digits, dots and dashes"
    if not url.hostname or url.path or url.query or holds_secret(url):
        return "FLEET_S3_ENDPOINT must be a URL without a path: https://s3.example.net"
    if url.scheme != scheme:
        # update_engine follows no redirect from http to https, nor back.
        return f"FLEET_S3_ENDPOINT must begin with {scheme}://, as FLEET_URL does"
    if not re.fullmatch(r"(?:[0-9A-Za-z_-][0-9A-Za-z._-]*/)*", bucket.prefix):
        return "FLEET_S3_PREFIX must end with a slash and begin with none: flatcar/"
    # A version 4 signature holds a week at most.
    if not 60 <= bucket.link_seconds <= _WEEK_SECONDS:  # noqa: PLR2004 - a minute
        return "FLEET_S3_LINK_SECONDS must be 60 to 604800"
    return ""
