// What a project calls faults: what is asked of a mark, step by step, and how a mark is told in words.

import { seen } from "./text.js";

export const nameOf = (target) => (target ? Object.entries(target)[0].join(":") : "");

export class Ontology {
  /** `setup`: the form's settings; `says`: the words of the page, from the data attributes of the template. */
  constructor(setup, says) {
    this.setup = setup;
    this.says = says;
  }

  category = (span) => this.setup.categories.find(({ key }) => key === span?.category);

  /** What is asked of a mark now: type, subtype, severity, then the last of them again. */
  stage(span) {
    const category = this.category(span);
    if (!category) return "type";
    if (category.subcategories.length && !span.subcategory) return "subtype";
    if (this.setup.severity !== "off" && (!span.severity || span.fresh)) return "severity";
    return "type";
  }

  choices(stage, span) {
    if (stage === "type") return this.setup.categories;
    const category = this.category(span);
    if (stage === "subtype") return category?.subcategories ?? [];
    return category && this.setup.severity !== "off" ? this.setup.severities : [];
  }

  /** What a mark still lacks, as it is called; empty where nothing. */
  wants(span) {
    const { setup, says } = this;
    const category = this.category(span);
    if (!category || (category.subcategories.length && !span.subcategory && !span.omission)) return says.wantsType;
    if (setup.severity === "required" && !span.severity) return says.wantsSeverity;
    if (setup.note === "required" && !span.comment?.trim()) return says.wantsNote;
    if (setup.correction === "required" && !span.omission && !span.correction?.trim()) return says.wantsCorrection;
    return "";
  }

  quote(span) {
    if (span.omission) return this.says.missingWord;
    const quote = span.quote?.trim() ? span.quote : this.says.point;
    return seen(quote.length > 80 ? `${quote.slice(0, 79)}…` : quote);
  }

  /** Type, severity, `place` and note of a mark on one line. */
  about(span, place = "") {
    const category = this.category(span);
    const subcategory = category?.subcategories.find(({ key }) => key === span.subcategory);
    const severity = this.setup.severities.find(({ key }) => key === span.severity);
    return [category?.name ?? span.category, subcategory?.name, severity?.name, place, span.comment].filter(Boolean).join(" · ");
  }

  missing = (span) => this.says.wanting.replace("{what}", this.wants(span)).replace("{quote}", this.quote(span));
}
