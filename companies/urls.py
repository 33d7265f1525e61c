from django.urls import path

from companies import views

urlpatterns = [
    path("companies", views.api_keys, name="api_keys"),
    path("companies/", views.api_keys),
    path("companies/switch", views.switch, name="switch_company"),
    path("companies/keys/<str:public_id>/revoke", views.revoke_key, name="revoke_key"),
]
