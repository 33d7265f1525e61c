from django.urls import path

from contacts import import_pages, pages, person_pages, tag_pages

urlpatterns = [
    path("contacts", pages.contacts, name="contacts"),
    path("contacts/", pages.contacts),
    path("contacts/new", person_pages.new_contact, name="new_contact"),
    path("contacts/tag", pages.tag_many, name="tag_contacts"),
    path("contacts/export", pages.export, name="export_contacts"),
    path("contacts/taggings/<str:public_id>", pages.tagging_progress, name="tagging_progress"),
    path("contacts/imports", import_pages.import_list, name="imports"),
    path("contacts/imports/", import_pages.import_list),
    path("contacts/imports/<str:public_id>", import_pages.import_page, name="import"),
    path(
        "contacts/imports/<str:public_id>/preview",
        import_pages.import_preview,
        name="import_preview",
    ),
    path(
        "contacts/imports/<str:public_id>/progress",
        import_pages.import_progress,
        name="import_progress",
    ),
    path(
        "contacts/imports/<str:public_id>/problems.csv",
        import_pages.import_problems,
        name="import_problems",
    ),
    path("contacts/imports/<str:public_id>/undo", import_pages.undo_import, name="undo_import"),
    path(
        "contacts/imports/<str:public_id>/discard",
        import_pages.discard_import,
        name="discard_import",
    ),
    path("contacts/<str:public_id>", person_pages.contact, name="contact"),
    path("contacts/<str:public_id>/edit", person_pages.edit_contact, name="edit_contact"),
    path("contacts/<str:public_id>/merge", person_pages.merge, name="merge_contact"),
    path("contacts/<str:public_id>/opt-out", person_pages.opt_out, name="opt_out_contact"),
    path("contacts/<str:public_id>/opt-in", person_pages.opt_in, name="opt_in_contact"),
    path("contacts/<str:public_id>/remove", person_pages.remove, name="remove_contact"),
    path("contacts/<str:public_id>/erase", person_pages.erase, name="erase_contact"),
    path("tags", tag_pages.tags, name="tags"),
    path("tags/", tag_pages.tags),
    path("tags/<int:pk>/rename", tag_pages.rename_tag, name="rename_tag"),
    path("tags/<int:pk>/delete", tag_pages.delete_tag, name="delete_tag"),
]
