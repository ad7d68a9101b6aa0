"""What operators may see and do about people. Passwords and secrets are nowhere in it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts import services
from accounts.models import ApiToken, AuditEvent, User
from common.admin import ReadOnly

admin.site.site_header = admin.site.site_title = "Prefloop operators"


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django has no generic one at run time
    """For superusers only: whoever could change a person here could also make themselves one."""

    fields = ["username", "display_name", "is_active", "may_create_projects", "is_staff", "is_superuser"]
    list_display = ["username", "display_name", "is_active", "may_create_projects", "is_staff", "last_login"]
    search_fields = ["username", "display_name"]
    actions = ["make_sign_in_links"]

    def _superuser(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self._superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return self._superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # what they judged must keep its author: deactivate instead

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        services.audit(
            actor=request.user,
            kind="person-changed" if change else "person-made",
            subject=f"user:{obj.username}",
            changed=sorted(form.changed_data),
        )
        if change and "is_active" in form.changed_data:
            services.set_active(user=obj, active=obj.is_active, actor=request.user)

    @admin.action(description="Make a sign-in link for each")
    def make_sign_in_links(self, request: Any, queryset: QuerySet[User]) -> None:
        for user in queryset.filter(is_active=True):
            path = services.make_sign_in_link(user=user, actor=request.user)
            messages.info(request, f"{user.username}, once, within an hour: {request.build_absolute_uri(path)}")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    fields = ["user", "name", "scope", "created", "expiry"]
    list_display = ["user", "name", "scope", "created", "expiry"]
    search_fields = ["user__username", "name"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def delete_model(self, request: Any, obj: ApiToken) -> None:
        services.audit(actor=request.user, kind="token-revoked", subject=f"user:{obj.user.username}", name=obj.name)
        super().delete_model(request, obj)

    def delete_queryset(self, request: Any, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset.select_related("user"):
            self.delete_model(request, token)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ["at", "kind", "actor", "subject", "address"]
    list_filter = ["kind"]
    search_fields = ["subject", "actor__username"]
    date_hierarchy = "at"
