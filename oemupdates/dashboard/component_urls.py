"""Pages of components at their addresses, as `urls` has them."""

from django.urls import URLPattern, path

from oemupdates.dashboard.components import component_upload, components
from oemupdates.dashboard.groups import group_components, group_transfer

patterns: list[URLPattern] = [
    path("components/", components.components, name="components"),
    path("components/images/upload/", component_upload.upload, name="component_upload"),
    path(
        "components/images/<int:pk>/put-back/",
        components.put_back,
        name="component_image_put_back",
    ),
    path(
        "components/images/<int:pk>/withdraw/",
        components.withdraw,
        name="component_image_withdraw",
    ),
    path("components/<str:component>/", components.component, name="component"),
    path("components/<str:component>/remove/", components.remove, name="component_remove"),
    path("groups/<int:pk>/components/", group_transfer.files, name="group_components"),
    path("groups/<int:pk>/components/want/", group_components.want, name="group_want"),
    path("groups/<int:pk>/components/stop/", group_components.unwant, name="group_unwant"),
]
