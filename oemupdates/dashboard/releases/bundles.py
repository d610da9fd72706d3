"""Releases > Bundles: releases carried to, or brought from, where there is no network."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame import paging
from oemupdates.dashboard.frame.acting import act, complain, needs, operator
from oemupdates.dashboard.frame.uploading import ToDisk
from oemupdates.domain.access import Permission
from oemupdates.domain.bundle import fingerprint
from oemupdates.models import BundleImport, Payload, Release
from oemupdates.services.carrying import bundle_keys, bundle_links, bundle_runs, bundles
from oemupdates.services.carrying.bundles import Choice
from oemupdates.services.shared.activity import Refused

BAD_REQUEST = 400
RELEASES_SHOWN, ROWS = 100, 20
_LEAVES = ("No channel moves by it.", "Nothing of it is kept.")


class ChoiceForm(forms.Form):
    """What a bundle shall hold: of OEMs and extensions all, those that are chosen, or none."""

    releases = forms.ModelMultipleChoiceField(Release.objects.none(), label="Releases")
    oems = forms.MultipleChoiceField(required=False, label="Only these OEMs")
    no_oems = forms.BooleanField(required=False, label="No OEM at all")
    extensions = forms.MultipleChoiceField(required=False, label="Only these extensions")
    no_extensions = forms.BooleanField(required=False, label="No extension at all")
    running = forms.CharField(
        required=False,
        max_length=2000,
        label="Versions that nodes over there run",
        help_text="Their OEM and extension payloads come too: a node set up anew needs them.",
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        releases = Release.objects.filter(codebase="").select_related("application")
        self.fields["releases"].queryset = releases  # type: ignore[attr-defined]
        names = Payload.objects.filter(release__codebase="").values_list("name", flat=True)
        stems = {name.removesuffix(".gz") for name in names.order_by().distinct()}
        for field, prefix in (("oems", "oem-"), ("extensions", "flatcar-")):
            found = sorted(one.removeprefix(prefix) for one in stems if one.startswith(prefix))
            self.fields[field].choices = [(one, one) for one in found]  # type: ignore[attr-defined]

    def clean(self) -> None:
        """Refuse to guess between some and none."""
        for name in ("oems", "extensions"):
            if self.cleaned_data.get(name) and self.cleaned_data.get(f"no_{name}"):
                self.add_error(name, "Choose some, or none at all.")

    def _chosen(self, name: str) -> frozenset[str] | None:
        if self.cleaned_data[f"no_{name}"]:
            return frozenset()
        return frozenset(self.cleaned_data[name]) or None

    def choice(self) -> Choice:
        """What was asked for."""
        said = self.cleaned_data
        return Choice(
            list(said["releases"]),
            self._chosen("oems"),
            self._chosen("extensions"),
            said["running"].replace(",", " ").split(),
        )


@require_safe
@needs(Permission.READ_FLEET)
def show(request: HttpRequest) -> HttpResponse:
    """Show what can be carried, what lies here to be taken in, and what became of others."""
    page: paging.Page[BundleImport] = paging.Page([])
    status = None
    rows = BundleImport.objects.select_related("asked_by")
    try:
        page = paging.by_id(rows, request.GET.get("after", ""), size=ROWS)
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        status = BAD_REQUEST
    try:
        key = fingerprint(bundle_keys.signing().public_key())[:16]
        public = bundle_keys.public_pem(bundle_keys.signing())
    except bundle_keys.NoKey:
        key = public = ""
    context = {
        "form": ChoiceForm(initial={"running": " ".join(bundles.running_versions())}),
        "found": bundle_runs.found(),
        "page": page,
        "key": key,
        "public": public,
    }
    return render(request, "dashboard/bundles.html", context, status=status)


@require_POST
@needs(Permission.CHANGE_FLEET)
def export(request: HttpRequest) -> HttpResponse:
    """Sign a bundle, and lead to its download."""
    form = ChoiceForm(request.POST)
    if not form.is_valid():
        complain(request, form)
        return redirect("dashboard:release_bundles")
    try:
        address, planned = bundle_links.make(form.choice(), by=operator(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("dashboard:release_bundles")
    return render(request, "dashboard/bundle_made.html", {"address": address, "planned": planned})


@require_POST
@needs(Permission.CHANGE_FLEET)
def import_found(request: HttpRequest) -> HttpResponse:
    """Let a worker take in, or only read, a bundle that lies in this server's folder."""
    is_check = "check" in request.POST
    name = request.POST.get("check" if is_check else "name", "")
    act(
        request,
        lambda: bundle_runs.ask_found(name, is_check=is_check, by=operator(request)),
        done=f"{name} is read by a worker now. {_LEAVES[is_check]}",
    )
    return redirect("dashboard:release_bundles")


# The form's token is looked for after the file has a place to go to: reading it reads the file.
@csrf_exempt
@require_POST
@needs(Permission.CHANGE_FLEET)
def upload(request: HttpRequest) -> HttpResponseBase:
    """Take a bundle by a form, for a worker to take in."""
    handler = ToDisk(request, bundle_runs.upload)
    request.upload_handlers = [handler]
    try:
        return _uploaded(request)
    finally:
        handler.forget()


@csrf_protect
def _uploaded(request: HttpRequest) -> HttpResponse:
    handler = next(one for one in request.upload_handlers if isinstance(one, ToDisk))
    is_check = "check" in request.POST
    path = handler.path
    if handler.problem or path is None:
        messages.error(request, handler.problem or "Choose a file: none came whole.")
    elif act(
        request,
        lambda: bundle_runs.ask_uploaded(
            handler.name, path, is_check=is_check, by=operator(request)
        ),
        done=f"{handler.name} is here, and is read by a worker now. {_LEAVES[is_check]}",
    ):
        handler.keep()
    return redirect("dashboard:release_bundles")
