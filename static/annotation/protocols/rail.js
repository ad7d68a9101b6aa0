// What is asked about a message stands beside that message, in the conversation. Without scripts it is listed below.

export function attach(section) {
  const stops = section.querySelectorAll("[data-rail^='message:']");
  if (!stops.length) return {};
  const messages = document.querySelectorAll("#work .prompt .message");
  for (const stop of stops) {
    const message = messages[Number(stop.dataset.rail.split(":")[1])];
    if (!message) continue;
    stop.dataset.cardOf = section.dataset.field;
    message.after(stop);
    const folded = message.closest("details");
    if (folded) folded.open = true;
  }
  // Nothing is left for a column of its own.
  if (document.querySelectorAll("#work [data-field]").length === 1) document.getElementById("work").classList.remove("aside");
  for (const hint of section.querySelectorAll("[data-moved-hint]")) hint.hidden = false;
  return {};
}
