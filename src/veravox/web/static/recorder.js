// Recording from the microphone, with a clock and a loudness meter.

import { clock } from "./clock.js";

const LONGEST_MS = 10 * 60 * 1000;

function extension(type) {
  return type.includes("mp4") ? "m4a" : type.includes("ogg") ? "ogg" : "webm";
}

// Shows the loudness in `meter` until the returned function is called.
function showLevel(stream, meter) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  const samples = new Float32Array(analyser.fftSize);
  context.createMediaStreamSource(stream).connect(analyser);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    meter.value = Math.min(1, 4 * Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length));
  }, 100);
  return () => {
    clearInterval(timer);
    context.close();
  };
}

export function setUpRecorder(element, onRecorded) {
  const button = element.querySelector("[data-record]");
  const hint = element.querySelector("[data-recorder-hint]");
  const indicator = element.querySelector("[data-recording]");
  const time = element.querySelector("[data-clock]");
  const label = button.textContent;
  let recorder = null;

  async function begin() {
    if (!navigator.mediaDevices) {
      hint.textContent = "Browsers only allow recording over https or on this machine itself.";
      return;
    }
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
    } catch {
      hint.textContent = "The browser did not let us use the microphone.";
      return;
    }
    const parts = [];
    const started = performance.now();
    recorder = new MediaRecorder(stream);
    const hideLevel = showLevel(stream, element.querySelector("[data-level]"));
    const ticking = setInterval(() => {
      const passed = performance.now() - started;
      time.textContent = clock(Math.floor(passed / 1000));
      if (passed > LONGEST_MS) end();
    }, 250);
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.onstop = () => {
      clearInterval(ticking);
      hideLevel();
      for (const track of stream.getTracks()) track.stop();
      const type = recorder.mimeType;
      recorder = null;
      indicator.hidden = true;
      button.textContent = label;
      const moment = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
      onRecorded(new File(parts, `microphone-${moment}.${extension(type)}`, { type: type.split(";")[0] }));
    };
    recorder.start(1000);
    time.textContent = clock(0);
    indicator.hidden = false;
    button.textContent = "Stop";
  }

  function end() {
    if (recorder?.state === "recording") recorder.stop();
  }

  button.addEventListener("click", () => (recorder ? end() : begin()));
}
