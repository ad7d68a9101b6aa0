// What is asked about a message stands beside that message, in the conversation. Without scripts it is listed below.

export function attach(section) {
  const messages = document.querySelectorAll("#work .prompt .message");
  for (const stop of section.querySelectorAll("[data-rail^='message:']")) {
    const message = messages[Number(stop.dataset.rail.split(":")[1])];
    if (!message) continue;
    stop.dataset.cardOf = section.dataset.field;
    message.after(stop);
    const folded = message.closest("details");
    if (folded) folded.open = true;
  }
  for (const hint of section.querySelectorAll("[data-moved-hint]")) hint.hidden = false;
  return {};
}
