// The timeline of a result: details of segments, waveform, spectrogram, and playing from a segment.

import { find, keep } from "./library.js";
import { drawSpectrogram, drawWave } from "./spectrum.js";
import { explore, raise } from "./timeline.js";

const RATE = 16000;
const LONGEST_DRAWN_SECONDS = 30 * 60;
const LARGEST_FETCHED = 200 * 1024 * 1024;

const box = document.querySelector("[data-result]");
const duration = Number(box.dataset.duration);
const track = box.querySelector("[data-track]");
const detail = box.querySelector("[data-detail]");
const sound = box.querySelector("[data-sound]");
const cursor = box.querySelector("[data-cursor]");
const note = box.querySelector("[data-note]");
const missing = box.querySelector("[data-missing]");

function setUpTimeline(timeline) {
  const segments = [...timeline.querySelectorAll(".segment")];
  for (const item of timeline.children) item.style.flexGrow = item.dataset.span;
  for (const segment of segments) {
    const { probability, start } = segment.dataset;
    raise(segment, probability === undefined ? null : Number(probability));
    segment.addEventListener("click", () => play(Number(start)));
  }
  explore(timeline, detail);
  return segments;
}

function play(seconds) {
  if (!sound.src) return;
  sound.currentTime = seconds;
  sound.play();
}

function follow(segments) {
  const now = sound.currentTime;
  cursor.hidden = false;
  cursor.style.left = `${(100 * now) / duration}%`;
  for (const segment of segments) {
    const inside = now >= Number(segment.dataset.start) && now < Number(segment.dataset.end);
    if (inside && !sound.paused) segment.setAttribute("aria-current", "true");
    else segment.removeAttribute("aria-current");
  }
}

async function samplesOf(blob) {
  const context = new OfflineAudioContext(1, RATE, RATE);
  const decoded = await context.decodeAudioData(await blob.arrayBuffer());
  const mixed = new Float32Array(decoded.length);
  for (let channel = 0; channel < decoded.numberOfChannels; channel += 1) {
    const samples = decoded.getChannelData(channel);
    for (let i = 0; i < mixed.length; i += 1) mixed[i] += samples[i] / decoded.numberOfChannels;
  }
  return mixed;
}

async function show(blob) {
  missing.hidden = true;
  sound.src = URL.createObjectURL(blob);
  box.querySelector("[data-player]").hidden = false;
  if (duration > LONGEST_DRAWN_SECONDS) {
    tell("Waveform and spectrogram are drawn for recordings of up to half an hour.");
    return;
  }
  let samples;
  try {
    samples = await samplesOf(blob);
  } catch {
    tell("This browser cannot draw this format; the segments above are complete.");
    return;
  }
  const wave = track.querySelector("[data-wave]");
  const spectrogram = track.querySelector("[data-spectrogram]");
  wave.hidden = spectrogram.hidden = false;
  spectrogram.setAttribute("role", "img");
  spectrogram.setAttribute("aria-label", "Spectrogram, 0 to 8 kHz; brighter is louder");
  const draw = () => {
    drawWave(wave, samples);
    drawSpectrogram(spectrogram, samples);
  };
  draw();
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(track);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

function tell(text) {
  note.textContent = text;
  note.hidden = false;
}

async function kept() {
  const local = await find(box.dataset.result).catch(() => null);
  if (local || !box.dataset.audio) return local;
  const url = new URL(box.dataset.audio, location.href);
  const response = await fetch(url).catch(() => null);
  const length = Number(response?.headers.get("content-length") ?? 0);
  return response?.ok && length <= LARGEST_FETCHED ? response.blob() : null;
}

const timelines = [...box.querySelectorAll("[data-timeline]")].map(setUpTimeline);
sound.addEventListener("timeupdate", () => follow(timelines[0]));
box.querySelector("[data-again]").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  await keep(box.dataset.result, file).catch(() => {});
  show(file);
});

const found = await kept();
if (found) show(found);
else missing.hidden = false;
