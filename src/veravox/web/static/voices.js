// Enrolling and comparing voices, from a file or the microphone.

import { post } from "./http.js";
import { setUpRecorder } from "./recorder.js";

function shown(told) {
  const card = document.createElement("div");
  const title = document.createElement("h3");
  const message = document.createElement("p");
  card.className = `card tone-${told.tone}`;
  title.textContent = told.title;
  message.textContent = told.message;
  card.append(title, message);
  if (told.facts) {
    const list = document.createElement("dl");
    list.className = "facts";
    for (const [name, value] of told.facts) {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const fact = document.createElement("dd");
      term.textContent = name;
      fact.textContent = value;
      row.append(term, fact);
      list.append(row);
    }
    card.append(list);
  }
  return card;
}

function setUp(form) {
  const input = form.querySelector("[data-file]");
  const chosen = form.querySelector("[data-chosen]");
  const outcome = form.querySelector("[data-outcome]");
  const button = form.querySelector("[data-send]");
  let recorded = null;

  setUpRecorder(form.querySelector("[data-recorder]"), (file) => {
    recorded = file;
    input.value = "";
    chosen.textContent = `Recorded: ${file.name}`;
  });
  input.addEventListener("change", () => {
    recorded = null;
    chosen.textContent = "";
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = recorded ?? input.files[0];
    if (!file) {
      chosen.textContent = "Choose a recording or record one first.";
      return;
    }
    const body = new FormData(form);
    body.set("audio_file", file);
    button.disabled = true;
    outcome.textContent = "Listening";
    try {
      const told = await post(form.getAttribute("action"), body);
      outcome.replaceChildren(shown(told));
      if (form.dataset.voice === "enrol") {
        const link = document.createElement("a");
        link.href = "/voices";
        link.textContent = "See all voices";
        outcome.append(link);
      }
    } catch (error) {
      outcome.replaceChildren(shown({ tone: "none", title: "That did not work", message: error.message }));
    } finally {
      button.disabled = false;
    }
  });
}

document.querySelectorAll("[data-voice]").forEach(setUp);
