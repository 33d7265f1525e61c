from django.urls import path

from messaging import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("batches", pages.batches, name="batches"),
    path("batches/", pages.batches),
    path("batches/<str:public_id>", pages.batch, name="batch"),
    path("batches/<str:public_id>/progress", pages.batch_progress, name="batch_progress"),
]
