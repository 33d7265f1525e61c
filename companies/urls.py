from django.urls import path

from companies import (
    application_pages,
    company_pages,
    invitation_pages,
    key_pages,
    notice_pages,
    team_views,
    views,
)

urlpatterns = [
    path("companies", key_pages.api_keys, name="api_keys"),
    path("companies/", key_pages.api_keys),
    path("companies/switch", views.switch, name="switch_company"),
    path("companies/keys/<str:public_id>/roll", key_pages.roll_key, name="roll_key"),
    path("companies/keys/<str:public_id>/revoke", key_pages.revoke_key, name="revoke_key"),
    path("companies/team", team_views.team_page, name="team"),
    path("companies/team/leave", team_views.leave, name="leave_team"),
    path("companies/team/<int:pk>/role", team_views.change_role, name="change_role"),
    path("companies/team/<int:pk>/remove", team_views.remove, name="remove_member"),
    path("companies/team/invitations/<int:pk>/again", team_views.invite_again, name="invite_again"),
    path(
        "companies/team/invitations/<int:pk>/revoke",
        team_views.revoke_invitation,
        name="revoke_invitation",
    ),
    path("invitations/<str:token>", invitation_pages.invitation, name="invitation"),
    path("apply", application_pages.apply, name="apply"),
    path("apply/<str:token>", application_pages.application, name="application"),
    path("companies/notices", notice_pages.notice_list, name="notices"),
    path("companies/notices/seen", notice_pages.notices_seen, name="notices_seen"),
    path("companies/audit", company_pages.audit_log, name="audit"),
    path("companies/settings", company_pages.company_settings, name="company_settings"),
]
