"""Logging in and out, and choosing a password."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse_lazy

from oemupdates.dashboard.access import entering
from oemupdates.dashboard.frame.acting import operator
from oemupdates.dashboard.frame.middleware import address
from oemupdates.models import Operator
from oemupdates.services.access import identities, knocking, operators, proof, sessions
from oemupdates.services.shared import rates


class LogInForm(AuthenticationForm):
    """A name and a password, which few may try in vain."""

    seconds_to_wait = 0

    def clean(self) -> dict[str, Any]:
        """Look at the password, unless too many were tried from there just now."""
        username = self.cleaned_data.get("username", "")
        where = address(self.request) if self.request else ""
        self.seconds_to_wait = knocking.seconds_to_wait(username, where)
        if self.seconds_to_wait:
            raise ValidationError(f"Too many tries: wait {self.seconds_to_wait} s, and try again.")
        return super().clean()


class LogIn(LoginView):
    """The one page besides the probes that is shown to anybody."""

    template_name = "dashboard/login.html"
    authentication_form = LogInForm
    redirect_authenticated_user = True
    http_method_names = ("get", "head", "post", "options")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the page shows: the form, and the providers that let people in."""
        return super().get_context_data(providers=identities.providers(), **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log somebody in, or ask for their second factor."""
        who: Operator = form.get_user()
        return entering.by_password(self.request, who, self.get_success_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Say that it was wrong, and write it down, or that it was not looked at."""
        if isinstance(form, LogInForm) and form.seconds_to_wait:
            answer = super().form_invalid(form)
            answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
            answer["Retry-After"] = str(form.seconds_to_wait)
            return answer
        operators.log_in_failed(form.data.get("username", "").replace("\x00", ""))
        return super().form_invalid(form)


class LogOut(LogoutView):
    """End the session, by POST only."""

    http_method_names = ("post", "options")

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Log somebody out, and write it down."""
        who, came_by = operator(request), request.session.get(entering.CAME_BY)
        key = request.session.session_key
        answer = super().post(request, *args, **kwargs)
        operators.logged_out(who)
        sessions.forget(key or "")
        if came_by:
            messages.info(request, f"You are logged out here. At {came_by} you may not be.")
        return answer


class ChangePassword(PasswordChangeForm):
    """The present password, and a new one twice."""

    def clean_old_password(self) -> str:
        """Look at the present password, unless too many were tried: a session may be stolen."""
        taken = rates.take(f"old-password:{self.user.pk}", proof.TRIES)
        if not taken.is_let_in:
            raise ValidationError(f"Too many tries: wait {taken.wait_seconds} s, and try again.")
        return super().clean_old_password()

    def clean(self) -> dict[str, Any] | None:
        """Check the new password as Django does, and that it is a new one."""
        cleaned = super().clean()
        if self.user.check_password(self.cleaned_data.get("new_password1", "")):
            self.add_error("new_password1", "This is the present password; choose another.")
        return cleaned

    def save(self, commit: bool = True) -> Operator:  # noqa: FBT001, FBT002 - Django's signature
        """Keep the new password, which is no one-time password any more."""
        operators.choose_password(self.user, self.cleaned_data["new_password1"])
        return self.user


class ReplaceOneTimePassword(ChangePassword):
    """A new password, twice: the operator typed the one-time password a moment ago."""

    old_password = None  # type: ignore[assignment]


class Password(PasswordChangeView):
    """Choose a password; an operator with a one-time password sees nothing else before."""

    template_name = "dashboard/password.html"
    success_url = reverse_lazy("dashboard:overview")
    http_method_names = ("get", "head", "post", "options")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Show nothing to who comes by an identity provider: there is no password to change."""
        if not operator(request).has_usable_password():
            messages.info(request, "You log in by a provider, and have no password here.")
            return redirect("dashboard:overview")
        return super().dispatch(request, *args, **kwargs)

    def get_form_class(self) -> type[ChangePassword]:
        """Ask for the present password, unless it was for one time only."""
        if operator(self.request).must_change_password:
            return ReplaceOneTimePassword
        return ChangePassword

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep the password, and say so; other sessions end."""
        messages.success(self.request, "Your password is changed; other sessions have ended.")
        before = self.request.session.session_key or ""
        answer = super().form_valid(form)
        key = self.request.session.session_key or ""
        sessions.go_on(operator(self.request), before=before, key=key)
        return answer
