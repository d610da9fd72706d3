"""Components at their addresses, as `urls` has them."""

from django.urls import URLPattern, path

from oemupdates.api.components import component_images, components

v1: list[URLPattern] = [
    path("components", components.Components.as_view(), name="components"),
    path("components/<str:component>", components.OneComponent.as_view(), name="component"),
    path(
        "components/<str:component>/images",
        component_images.Images.as_view(),
        name="component_images",
    ),
    path(
        "components/<str:component>/images/<str:version>/<str:architecture>/withdraw",
        component_images.Withdrawing.as_view(),
        name="component_image_withdraw",
    ),
    path(
        "components/<str:component>/images/<str:version>/<str:architecture>/put-back",
        component_images.PuttingBack.as_view(),
        name="component_image_put_back",
    ),
    path(
        "components/images/<str:file>",
        component_images.AddingImage.as_view(),
        name="component_image",
    ),
]
