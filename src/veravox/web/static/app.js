// What every page needs: local times, questions before what cannot be undone, copying.

import { empty } from "./library.js";

for (const time of document.querySelectorAll("time")) {
  const moment = new Date(time.dateTime);
  time.title = time.textContent;
  time.textContent = moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.confirm && !window.confirm(button.dataset.confirm)) event.preventDefault();
  if (button?.dataset.copy) {
    const text = document.getElementById(button.dataset.copy).textContent;
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  }
});

document.addEventListener("submit", (event) => {
  if ("signOut" in event.target.dataset) empty();
});
