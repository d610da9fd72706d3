"""The form of an OEM or extension of the catalogue."""

from typing import Any

from django import forms

from oemupdates.domain.oem import Before
from oemupdates.services.oem.catalogue import Terms

BEFORE = {
    Before.NOTHING: "There was none",
    Before.PARTITION: "Files on the OEM partition",
    Before.BASE: "Files in the base image",
}
MACHINES = [("amd64", "amd64"), ("arm64", "arm64")]
BEFORE_CHOICES = [(one.value, label) for one, label in BEFORE.items()]


class OemForm(forms.Form):
    """What operators say of an OEM; the service has the last word on it."""

    oem_id = forms.CharField(
        max_length=64, label="Id", help_text="ID of oem-release, as nodes send it."
    )
    name = forms.CharField(max_length=64, required=False, label="Name")
    architectures = forms.MultipleChoiceField(
        choices=MACHINES,
        initial=[machine for machine, _label in MACHINES],
        widget=forms.CheckboxSelectMultiple,
        label="Architectures",
    )
    tools = forms.CharField(
        max_length=200,
        required=False,
        label="Tools",
        help_text="Their names, with commas between. Empty if it is configuration only.",
    )
    build_tool = forms.CharField(
        max_length=64,
        required=False,
        label="Tool whose version its builds have",
        help_text="Known holes of this tool are then held against builds that nodes report."
        " Empty where builds have a version of their own.",
    )
    alpha_since = forms.CharField(
        max_length=64,
        required=False,
        label="First version with a sysext",
        help_text="Of Flatcar's OEMs, the first Alpha. Empty if it never came as a sysext.",
    )
    stable_since = forms.CharField(
        max_length=64,
        required=False,
        label="First Stable with a sysext",
        help_text="Where it was carried back to older branches.",
    )
    dropped_in = forms.CharField(max_length=64, required=False, label="First version without it")
    migrates = forms.BooleanField(
        required=False,
        label="OS images migrate former installations",
        help_text="They list it under share/flatcar/oems.",
    )
    before = forms.ChoiceField(
        choices=BEFORE_CHOICES,
        label="Before its sysext",
    )
    source = forms.CharField(max_length=200, required=False, label="Where this is known from")
    why = forms.CharField(max_length=500, required=False, label="Why")

    def said(self) -> Terms:
        """What was said, as the service takes it."""
        said: dict[str, Any] = dict(self.cleaned_data)
        tools = [tool.strip() for tool in said["tools"].split(",")]
        return Terms(
            name=said["name"],
            architectures=tuple(said["architectures"]),
            alpha_since=said["alpha_since"],
            stable_since=said["stable_since"],
            dropped_in=said["dropped_in"],
            migrates=said["migrates"],
            tools=tuple(tool for tool in tools if tool),
            build_tool=said["build_tool"],
            before=said["before"],
            source=said["source"],
        )
