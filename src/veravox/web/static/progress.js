// Following an analysis until it is done.

import { clock } from "./clock.js";
import { get } from "./http.js";

const OPEN = { awaiting_upload: "Waiting for the upload", queued: "Waiting for its turn", processing: "Listening" };
const box = document.querySelector("[data-progress]");
const stage = document.querySelector("[data-stage]");
const bar = document.querySelector("[data-bar]");
const partial = document.querySelector("[data-partial]");
const PERIOD_MS = 1000;

async function look() {
  let state;
  try {
    state = await get(`/recordings/${box.dataset.progress}/state`);
  } catch (error) {
    partial.textContent = `${error.message} Trying again.`;
    setTimeout(look, 5 * PERIOD_MS);
    return;
  }
  if (!(state.status in OPEN)) {
    location.reload();
    return;
  }
  if (stage.textContent !== OPEN[state.status]) stage.textContent = OPEN[state.status];
  bar.value = state.progress;
  if (state.partial) {
    const { seconds, segments, spoofed_segments: spoofed } = state.partial;
    partial.textContent = `${clock(Math.floor(seconds))} heard so far, ${spoofed} of ${segments} segments look synthetic.`;
  }
  setTimeout(look, PERIOD_MS);
}

if (box.dataset.unfinished === "yes") setTimeout(look, PERIOD_MS / 2);
