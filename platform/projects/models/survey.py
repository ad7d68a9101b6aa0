"""What a rater agrees to, and what they tell about themselves: apart from their judgments, under a name of its own."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from common.models import CleanJSONField, Created
from projects.models.people import Membership
from projects.models.project import Project


class Consent(Created):
    """One version of what raters agree to before their first item. Immutable: a change is a new number."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="consents")
    number = models.PositiveIntegerField()
    text = models.TextField(help_text=_("Markdown"))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="consent_number")]

    def __str__(self) -> str:
        return f"consent {self.number} of {self.project}"


class Agreement(Created):
    """Somebody agreed to a version. Append-only but for `withdrawn_at`; that it was given stays when they go."""

    consent = models.ForeignKey(Consent, models.CASCADE, related_name="agreements")
    member = models.ForeignKey(Membership, models.SET_NULL, null=True, blank=True, related_name="agreements")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["consent", "member"],
                condition=models.Q(withdrawn_at__isnull=True, member__isnull=False),
                name="agreement_stands_once",
            )
        ]

    def __str__(self) -> str:
        return f"agreement {self.pk} to {self.consent}"


class Survey(Created):
    """One version of what raters are asked about themselves. Immutable. `questions`: as projects/questions.py says."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="surveys")
    number = models.PositiveIntegerField()
    questions = CleanJSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="survey_number")]

    def __str__(self) -> str:
        return f"survey {self.number} of {self.project}"


class Respondent(models.Model):
    """Who answers a survey: a pseudonym that no judgment knows. Only this row knows whose it is; it lets go of them.

    No date: the moment of an answer would tell whose it is.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="respondents")
    member = models.OneToOneField(Membership, models.SET_NULL, null=True, blank=True, related_name="respondent")
    pseudonym = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "pseudonym"], name="respondent_pseudonym")]

    def __str__(self) -> str:
        return self.pseudonym


class SurveyAnswer(models.Model):
    """What a respondent told, all at once; the newest row counts. `values`: {question: answer}, null: not said."""

    respondent = models.ForeignKey(Respondent, models.CASCADE, related_name="answers")
    survey = models.ForeignKey(Survey, models.CASCADE, related_name="answers")
    values = CleanJSONField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"answer {self.pk} of {self.respondent}"
