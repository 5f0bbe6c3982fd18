// Listening: the microphone goes to the server by WebSocket, verdicts come back.

import { capture } from "./capture.js";
import { clock } from "./clock.js";
import { token } from "./http.js";
import { keep } from "./library.js";
import { LiveSocket } from "./live-socket.js";
import { Loudness } from "./loudness.js";
import { explore, raise, tell } from "./timeline.js";
import { wav } from "./wav.js";

const part = (name) => document.querySelector(`[data-${name}]`);
const toggle = part("toggle");
const timeline = part("timeline");
const detail = part("detail");
const needle = document.querySelector(".needle");
const REFUSALS = {
  NotAllowedError:
    "The browser did not let this page use the microphone. Allow it in the settings of this site, beside the address, and start again.",
  NotFoundError: "No microphone was found. Connect one and start again.",
  NotReadableError: "The microphone is in use by another program. Close that and start again.",
};

let session = null;

// A disabled button would lose the focus of who works with the keyboard.
function rest(resting) {
  toggle.setAttribute("aria-disabled", resting);
}

function press() {
  if (toggle.getAttribute("aria-disabled") === "true") return;
  if (session) session.end();
  else start();
}

function write(name, text) {
  const element = part(name);
  if (element.textContent !== text) element.textContent = text;
}

function complain(text) {
  write("error", text);
  part("error").hidden = !text;
}

function label(window) {
  const times = `${clock(window.start)} to ${clock(window.end)}: `;
  const silence = `, ${Math.round(100 * window.silence)} % silence`;
  if (window.probability === null) return times + window.label + silence;
  return `${times}${(100 * window.probability).toFixed(1)} % likely synthetic, ${window.label}, confidence ${window.confidence.toFixed(2)}${silence}`;
}

function addWindow(window) {
  part("windows").hidden = false;
  const item = document.createElement("li");
  const segment = document.createElement("button");
  const level = document.createElement("span");
  const words = document.createElement("span");
  segment.type = "button";
  segment.className = `segment ${window.shade === null ? "unscored" : `shade-${window.shade}`}`;
  level.className = "level";
  level.setAttribute("aria-hidden", "true");
  words.className = "visually-hidden";
  words.textContent = label(window);
  segment.append(level, words);
  item.append(segment);
  const followed = timeline.lastElementChild?.contains(document.activeElement);
  if (window.replaces) timeline.lastElementChild.remove();
  segment.tabIndex = timeline.querySelector('[tabindex="0"]') ? -1 : 0;
  timeline.append(item);
  raise(segment, window.probability);
  if (followed) segment.focus();
  if (!timeline.contains(document.activeElement)) {
    tell(segment, detail);
    part("scroller").scrollLeft = part("scroller").scrollWidth;
  }
}

function showVerdict(verdict) {
  const card = part("verdict");
  card.hidden = false;
  card.className = `verdict card tone-${verdict.tone}`;
  write("title", verdict.title);
  write("meaning", [verdict.meaning, verdict.advice].filter(Boolean).join(" "));
  write("sureness", verdict.sureness ?? "");
  part("gauge").hidden = verdict.probability === null;
  if (verdict.probability === null) return;
  write("percent", verdict.percent);
  needle.setAttribute("x", Math.min(98.8, Math.max(0, 100 * verdict.probability - 0.6)));
}

function showHindrances(list) {
  const box = part("hindrances");
  if ([...box.children].map((item) => item.textContent).join() === list.join()) return;
  box.replaceChildren(
    ...list.map((text) => {
      const item = document.createElement("li");
      item.className = "notice";
      item.textContent = text;
      return item;
    }),
  );
}

function clear() {
  complain("");
  timeline.replaceChildren();
  showHindrances([]);
  for (const name of ["windows", "verdict", "result", "save", "before"]) part(name).hidden = true;
}

class Session {
  constructor() {
    this.blocks = [];
    this.samples = 0;
    this.heard = [];
    this.kept = null;
    this.done = false;
    this.loudness = new Loudness(part("level"));
  }

  async begin() {
    write("status", "Waiting for the microphone. Your browser may be asking you.");
    this.microphone = await capture(
      (block) => this.take(block),
      () => this.end("The microphone was taken away."),
    );
    this.socket = new LiveSocket(token(), this.microphone.rate, {
      onAnswer: (answer) => this.show(answer),
      onClose: (reason, signedOut) => this.closed(reason, signedOut),
    });
    for (const block of this.blocks) this.socket.send(block);
    write("microphone", this.microphone.label);
    write("status", "Listening. The first verdict comes after five seconds.");
    part("recording").hidden = false;
    this.awake = navigator.wakeLock?.request("screen").catch(() => null);
  }

  take({ pcm, rms, peak }) {
    this.blocks.push(pcm);
    this.samples += pcm.length;
    this.loudness.push(rms, peak);
    this.socket?.send(pcm);
    write("clock", clock(Math.floor(this.seconds)));
    this.warn();
  }

  get seconds() {
    return this.microphone ? this.samples / this.microphone.rate : 0;
  }

  warn() {
    const slow = this.socket?.behind ? ["The connection is slow; verdicts come late."] : [];
    showHindrances([...this.loudness.warnings, ...slow, ...this.heard]);
  }

  show(answer) {
    if (answer.window) {
      addWindow(answer.window);
      showVerdict(answer.verdict);
      write("status", "Listening.");
      this.heard = answer.hindrances;
      if (!this.done) this.warn();
    }
    if (answer.final) {
      this.final = answer.final;
      this.kept = answer.kept;
    }
  }

  async end(reason) {
    if (this.done) return;
    this.done = true;
    if (reason) complain(reason);
    rest(true);
    write("status", "Working out the final verdict.");
    await this.release();
    this.socket.finish();
  }

  async release() {
    part("recording").hidden = true;
    (await this.awake)?.release();
    await this.microphone.stop();
  }

  async closed(reason, signedOut) {
    if (!this.done) {
      this.done = true;
      await this.release();
    }
    session = null;
    showHindrances([]);
    write("status", "");
    if (reason) complain(reason);
    if (signedOut) location.href = `/sign-in?next=${encodeURIComponent(location.pathname)}`;
    const recording = wav(this.blocks, this.microphone.rate);
    if (this.final) await this.conclude(recording);
    else this.offer(recording);
    toggle.textContent = "Listen again";
    rest(false);
  }

  async conclude(recording) {
    write("status", "Done.");
    showVerdict(this.final);
    if (!this.kept) return;
    await keep(this.kept, recording).catch(() => {});
    part("link").href = `/recordings/${this.kept}`;
    part("result").hidden = false;
  }

  offer(recording) {
    const link = part("file");
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(recording);
    link.download = "live.wav";
    part("save").hidden = false;
    showVerdict({
      title: "No final verdict",
      tone: "none",
      meaning: "Nothing was kept on the server. You can save what was recorded and analyse it later.",
      probability: null,
    });
  }
}

async function start() {
  clear();
  rest(true);
  session = new Session();
  try {
    await session.begin();
    toggle.textContent = "Stop";
  } catch (error) {
    session = null;
    write("status", "");
    complain(REFUSALS[error.name] ?? `The microphone could not be opened: ${error.message}`);
  }
  rest(false);
}

explore(timeline, detail);
if (window.isSecureContext && navigator.mediaDevices) {
  toggle.disabled = false;
  toggle.addEventListener("click", press);
} else {
  part("insecure").hidden = false;
}
window.addEventListener("beforeunload", (event) => {
  if (session) event.preventDefault();
});
