// The queue: g goes on with the most urgent.

import { listen } from "./keys.js";

listen({ go: () => document.getElementById("go-on")?.click() }, new AbortController().signal);
