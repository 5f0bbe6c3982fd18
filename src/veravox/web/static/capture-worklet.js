// Runs in the audio thread: samples become blocks of 16-bit PCM, a tenth of a second each.

const BLOCKS_PER_SECOND = 10;
const FULL_SCALE = 32767;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.empty();
    this.going = true;
    this.port.onmessage = () => {
      this.going = false;
      this.give(true);
    };
  }

  empty() {
    this.block = new Int16Array(Math.round(sampleRate / BLOCKS_PER_SECOND));
    this.filled = 0;
    this.power = 0;
    this.peak = 0;
  }

  give(last) {
    const pcm = this.block.slice(0, this.filled);
    const rms = Math.sqrt(this.power / Math.max(1, this.filled));
    this.port.postMessage({ pcm, rms, peak: this.peak, last }, [pcm.buffer]);
    this.empty();
  }

  process([input]) {
    const samples = this.going ? (input[0] ?? []) : [];
    for (const sample of samples) {
      this.block[this.filled] = Math.round(FULL_SCALE * Math.max(-1, Math.min(1, sample)));
      this.filled += 1;
      this.power += sample * sample;
      this.peak = Math.max(this.peak, Math.abs(sample));
      if (this.filled === this.block.length) this.give(false);
    }
    return this.going;
  }
}

registerProcessor("capture", Capture);
