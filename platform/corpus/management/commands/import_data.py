"""Imports files into a project from the command line, in this process; items are made by the workers as ever."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.errors import DomainError
from corpus import selectors, services
from corpus.importers import IMPORTERS
from corpus.models import Import
from projects.models import Project

ANSWERS = {"yes": True, "no": False, None: None}
SHOWN_FAULTS = 10


class Command(BaseCommand):
    help = "Import files into a project: prompts, responses and recorded judgments."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, help="Files of one format, read as one; also .gz and .zip")
        parser.add_argument("--format", required=True, choices=sorted(IMPORTERS))
        parser.add_argument("--project", help="The project's slug; may be left out where there is only one project")
        parser.add_argument("--skip-bad-lines", action="store_true")
        parser.add_argument("--open-prompts", action="store_true", help="Take rows without responses as open prompts")
        parser.add_argument(
            "--use-recorded", choices=["yes", "no"], help="Whether judgments in the file count in labels"
        )
        parser.add_argument("--language", default="", help="Where a row does not say")
        parser.add_argument("--licence", default="", help="Where a row does not say")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = self._started(options)
        except DomainError as fault:
            raise CommandError(fault.detail) from fault
        except OSError as fault:
            raise CommandError(f"{fault.filename}: {fault.strerror}") from fault
        services.run_import(import_id=run.pk, told=self._tell)
        run.refresh_from_db()
        self._conclude(run)

    def _started(self, options: dict[str, Any]) -> Import:
        with ExitStack() as stack:
            opened = [stack.enter_context(path.open("rb")) for path in options["files"]]
            return services.start_import(
                project=self._project(options["project"]),
                format=options["format"],
                files=[File(handle, name=path.name) for handle, path in zip(opened, options["files"], strict=True)],
                skip_bad_lines=options["skip_bad_lines"],
                options={
                    "open_prompts": options["open_prompts"],
                    "use_recorded": ANSWERS[options["use_recorded"]],
                    "language": options["language"],
                    "licence": options["licence"],
                },
            )

    def _project(self, slug: str | None) -> Project:
        found = Project.objects.filter(slug=slug) if slug else Project.objects.all()
        if len(projects := list(found[:2])) != 1:
            known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"Say which project: --project SLUG (there are: {known}).")
        return projects[0]

    def _tell(self, values: dict[str, Any]) -> None:
        if "rows_total" in values:
            self.stdout.write(f"checked {values['lines']:,} lines, {values['bad_lines']:,} bad")
        elif "rows_stored" in values:
            self.stdout.write(f"stored up to row {values['rows_stored']:,}")
        elif "lines" in values:
            self.stdout.write(f"checking: {values['lines']:,} lines, {values['bad_lines']:,} bad")

    def _conclude(self, run: Import) -> None:
        faults = [entry for entry in selectors.first_entries(run, SHOWN_FAULTS) if entry["level"] == "error"]
        for entry in faults:
            self.stderr.write(f"{entry['file']} line {entry['line']} {entry['pointer']}: {entry['reason']}")
        if run.bad_lines > len(faults):
            self.stderr.write(f"… and {run.bad_lines - len(faults):,} more: {selectors.report_file(run)}")
        if run.state in {Import.State.REJECTED, Import.State.FAILED}:
            raise CommandError(run.error or f"{run.bad_lines:,} bad lines: nothing was imported (--skip-bad-lines).")
        self.stdout.write(
            f"import {run.pk}: {run.lines:,} lines, {run.bad_lines:,} bad, {run.new_items:,} new items, "
            f"{run.known_items:,} known"
        )
