import pytest
from django.test import Client

from oemupdates.models import Activity, Operator
from tests.dashboard.conftest import PASSWORD, log_in

NEW = "a longer password than before"


def test_logs_in_and_goes_where_it_was_headed(admin: Operator) -> None:
    client = Client()
    sent = client.get("/groups/")
    assert sent.status_code == 302
    form = {"username": "admin", "password": PASSWORD, "next": "/groups/"}
    entered = client.post("/login/", form)
    assert (entered.status_code, entered["location"]) == (302, "/groups/")
    assert client.get("/groups/").status_code == 200


def test_goes_to_no_other_server(admin: Operator) -> None:
    form = {"username": "admin", "password": PASSWORD, "next": "https://elsewhere.example/"}
    assert Client().post("/login/", form)["location"] == "/"


def test_says_when_the_password_is_wrong(admin: Operator) -> None:
    answer = Client().post("/login/", {"username": "admin", "password": "guess"})
    assert answer.status_code == 200
    assert "Please enter a correct username and password" in answer.content.decode()


def test_logs_out_by_post_only(page: Client) -> None:
    assert page.get("/logout/").status_code == 405
    assert page.get("/").status_code == 200
    assert page.post("/logout/")["location"] == "/login/"
    assert page.get("/").status_code == 302


class TestOneTimePassword:
    @pytest.fixture
    def client(self, admin: Operator) -> Client:
        Operator.objects.update(must_change_password=True)
        return log_in(admin)

    @pytest.mark.parametrize("path", ["/", "/nodes/", "/groups/", "/activity/"])
    def test_lets_nothing_be_seen_before(self, client: Client, path: str) -> None:
        assert client.get(path)["location"] == "/password/"

    def test_is_replaced_without_being_asked_for(self, client: Client) -> None:
        assert "one-time password" in client.get("/password/").content.decode()
        answer = client.post("/password/", {"new_password1": NEW, "new_password2": NEW})
        assert answer["location"] == "/"
        operator = Operator.objects.get()
        assert operator.check_password(NEW)
        assert not operator.must_change_password
        assert client.get("/").status_code == 200

    def test_cannot_become_the_lasting_one(self, client: Client) -> None:
        form = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        answer = client.post("/password/", form)
        assert "choose another" in answer.content.decode()
        assert Operator.objects.get().must_change_password

    def test_may_log_out(self, client: Client) -> None:
        assert client.post("/logout/")["location"] == "/login/"


def test_changing_a_lasting_password_asks_for_it(page: Client) -> None:
    page.post("/password/", {"new_password1": NEW, "new_password2": NEW})
    assert Operator.objects.get().check_password(PASSWORD)
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert page.post("/password/", form)["location"] == "/"
    assert Operator.objects.get().check_password(NEW)
    assert Activity.objects.get(verb="operator.password_chosen").subject_kind == "operator"


def test_a_form_from_before_a_log_in_is_refused_in_words(admin: Operator) -> None:
    stale = Client(enforce_csrf_checks=True)
    answer = stale.post("/login/", {"username": "admin", "password": PASSWORD})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.content.decode()
    assert stale.get("/").status_code == 302


def test_a_weak_password_is_refused_in_words(page: Client) -> None:
    form = {"old_password": PASSWORD, "new_password1": "12345678", "new_password2": "12345678"}
    assert "too common" in page.post("/password/", form).content.decode()


class TestActivity:
    def test_knows_who_came_and_went(self, admin: Operator) -> None:
        client = Client()
        client.post("/login/", {"username": "admin", "password": PASSWORD})
        client.post("/logout/")
        told = ("verb", "subject_kind", "actor__username", "address")
        assert list(Activity.objects.order_by("id").values_list(*told)) == [
            ("operator.logged_in", "operator", "admin", "127.0.0.1"),
            ("operator.logged_out", "operator", "admin", "127.0.0.1"),
        ]

    @pytest.mark.parametrize(
        ("typed", "kept"), [("admin", "admin"), ("my password", "an unknown name"), ("a\0", "")]
    )
    def test_knows_who_failed_and_keeps_no_password(
        self, admin: Operator, typed: str, kept: str
    ) -> None:
        Client().post("/login/", {"username": typed, "password": "guess"})
        row = Activity.objects.get()
        assert (row.verb, row.actor) == ("operator.log_in_failed", None)
        assert row.subject == (kept or "an unknown name")
        assert "guess" not in str(row.__dict__)

    def test_knows_what_was_refused_to_be_written_and_not_to_be_read(
        self, viewer: Operator
    ) -> None:
        client = log_in(viewer)
        assert client.get("/rejected/").status_code == 403
        assert not Activity.objects.exists()
        assert client.post("/channels/1/target/").status_code == 403
        row = Activity.objects.get()
        assert (row.verb, row.actor) == ("operator.refused", viewer)
        assert row.after == {"request": "POST /channels/1/target/"}
