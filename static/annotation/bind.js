// A box takes the key that is pressed in it. Tab, Enter and Escape do there what they do everywhere.

import { letterOf } from "./keys.js";

for (const box of document.querySelectorAll("[data-key]")) {
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.key.length !== 1) return;
    event.preventDefault();
    if (event.key !== " ") box.value = letterOf(event);
  });
  box.addEventListener("focus", () => box.select());
}
