"""Log an admin in without a password, and print the key: `python -m bench.session`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")
django.setup()

from django.test import Client  # noqa: E402 - Django must be set up before

from oemupdates.models import Operator  # noqa: E402

if __name__ == "__main__":
    operator, _ = Operator.objects.get_or_create(username="bench", is_superuser=True)
    client = Client()
    client.force_login(operator)
    print(client.session.session_key)
