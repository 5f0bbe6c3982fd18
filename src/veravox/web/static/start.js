// Uploading recordings: chosen, dropped or recorded.

import { post, put } from "./http.js";
import { keep } from "./library.js";
import { setUpRecorder } from "./recorder.js";

const drop = document.querySelector("[data-drop]");
const list = document.querySelector("[data-uploads]");
const problem = document.querySelector("[data-error]");
const OWN_STORAGE = "/storage/";

function options() {
  const form = new FormData(document.querySelector("[data-options]"));
  const chosen = Object.fromEntries([...form].filter(([, value]) => value !== ""));
  for (const name of ["threshold", "silence_threshold"]) {
    if (name in chosen) chosen[name] = Number(chosen[name]);
  }
  return chosen;
}

// Recordings that this server keeps itself go to the address that the page came from.
function reachable(address) {
  const url = new URL(address, location.href);
  return url.pathname.startsWith(OWN_STORAGE) ? url.pathname + url.search : url.href;
}

function entry(file) {
  const item = document.createElement("li");
  const name = document.createElement("strong");
  const told = document.createElement("p");
  const bar = document.createElement("progress");
  name.textContent = file.name;
  told.className = "hint";
  told.setAttribute("role", "status");
  told.textContent = "Uploading";
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Upload of ${file.name}`);
  item.append(name, told, bar);
  list.append(item);
  return { item, told, bar };
}

async function send(upload, file, onProgress) {
  if (upload.url) {
    await put(reachable(upload.url), upload.headers, file, onProgress);
    return;
  }
  let sent = 0;
  for (const part of upload.parts) {
    const slice = file.slice(sent, sent + part.size);
    const before = sent;
    await put(reachable(part.url), {}, slice, (share) =>
      onProgress((before + share * slice.size) / file.size),
    );
    sent += slice.size;
  }
}

async function analyse(file) {
  const shown = entry(file);
  try {
    if (file.size === 0) throw new Error("The file is empty.");
    if (file.size > Number(drop.dataset.largest)) throw new Error("The file is too large.");
    const created = await post("/recordings", { ...options(), filename: file.name, size: file.size });
    await send(created.upload, file, (share) => {
      shown.bar.value = share;
    });
    if (created.upload.parts.length) await post(`/recordings/${created.prediction_id}/start`);
    await keep(created.prediction_id, file).catch(() => {});
    const link = document.createElement("a");
    link.href = `/recordings/${created.prediction_id}`;
    link.textContent = "See the result";
    shown.told.replaceChildren(link);
    shown.bar.hidden = true;
    return link.href;
  } catch (error) {
    shown.told.textContent = error.message;
    shown.told.className = "error";
    shown.bar.hidden = true;
    return null;
  }
}

async function analyseAll(files) {
  problem.hidden = true;
  const pages = [];
  for (const file of files) pages.push(await analyse(file));
  if (pages.length === 1 && pages[0]) location.href = pages[0];
}

document.querySelector("[data-files]").addEventListener("change", (event) => {
  analyseAll([...event.target.files]);
});

for (const kind of ["dragover", "dragenter"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const files = [...event.dataTransfer.files];
  if (files.length) analyseAll(files);
  else {
    problem.textContent = "Only files can be dropped here.";
    problem.hidden = false;
  }
});

setUpRecorder(document.querySelector("[data-recorder]"), (file) => analyseAll([file]));
