// Waveform and spectrogram of mono samples on canvases.

const SIZE = 512;
const RANGE_DB = 70;

function size(canvas) {
  const scale = window.devicePixelRatio || 1;
  const box = canvas.getBoundingClientRect();
  canvas.width = Math.max(1, Math.round(box.width * scale));
  canvas.height = Math.max(1, Math.round(box.height * scale));
  return canvas.getContext("2d");
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function drawWave(canvas, samples) {
  const context = size(canvas);
  const { width, height } = canvas;
  const step = samples.length / width;
  const loudest = Math.max(samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0), 1e-4);
  context.fillStyle = colour("--wave");
  context.globalAlpha = 0.8;
  for (let x = 0; x < width; x += 1) {
    let low = 0;
    let high = 0;
    for (let i = Math.floor(x * step); i < Math.min(samples.length, (x + 1) * step); i += 1) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    const top = (0.5 - (0.45 * high) / loudest) * height;
    const bottom = (0.5 - (0.45 * low) / loudest) * height;
    context.fillRect(x, top, 1, Math.max(1, bottom - top));
  }
}

// In-place radix-2 Cooley-Tukey transform.
function transform(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i += 1) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let length = 2; length <= n; length <<= 1) {
    const angle = (-2 * Math.PI) / length;
    for (let start = 0; start < n; start += length) {
      for (let k = 0; k < length / 2; k += 1) {
        const c = Math.cos(angle * k);
        const s = Math.sin(angle * k);
        const a = start + k;
        const b = a + length / 2;
        const re = real[b] * c - imaginary[b] * s;
        const im = real[b] * s + imaginary[b] * c;
        real[b] = real[a] - re;
        imaginary[b] = imaginary[a] - im;
        real[a] += re;
        imaginary[a] += im;
      }
    }
  }
}

function column(samples, start, levels) {
  const real = new Float32Array(SIZE);
  const imaginary = new Float32Array(SIZE);
  for (let i = 0; i < SIZE; i += 1) {
    const taper = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SIZE);
    real[i] = (samples[start + i] || 0) * taper;
  }
  transform(real, imaginary);
  for (let bin = 0; bin < SIZE / 2; bin += 1) {
    levels[bin] = 10 * Math.log10(real[bin] ** 2 + imaginary[bin] ** 2 + 1e-10);
  }
}

// Dark blue over magenta to pale yellow, brighter with every step.
function heat(share, pixels, at) {
  pixels[at] = 255 * Math.min(1, 1.6 * share);
  pixels[at + 1] = 255 * Math.max(0, 1.7 * share - 0.7);
  pixels[at + 2] = 255 * (0.16 + 0.5 * Math.sin(Math.PI * share));
  pixels[at + 3] = 255;
}

export function drawSpectrogram(canvas, samples) {
  const context = size(canvas);
  const { width, height } = canvas;
  const bins = SIZE / 2;
  const all = new Float32Array(width * bins);
  for (let x = 0; x < width; x += 1) {
    const start = Math.floor((x / width) * Math.max(0, samples.length - SIZE));
    column(samples, start, all.subarray(x * bins, (x + 1) * bins));
  }
  const loudest = all.reduce((most, level) => Math.max(most, level), -100);
  const image = context.createImageData(width, height);
  for (let y = 0; y < height; y += 1) {
    const bin = Math.min(bins - 1, Math.floor(((height - 1 - y) / height) * bins));
    for (let x = 0; x < width; x += 1) {
      const share = (all[x * bins + bin] - loudest + RANGE_DB) / RANGE_DB;
      heat(Math.min(1, Math.max(0, share)), image.data, 4 * (y * width + x));
    }
  }
  context.putImageData(image, 0, 0);
}
