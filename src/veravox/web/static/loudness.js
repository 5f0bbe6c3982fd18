// A loudness meter that says when nothing can be heard, or too much.

const QUIET_RMS = 0.001;
const QUIET_BLOCKS = 30;
const CLIPPED_PEAK = 0.999;
const CLIPPED_BLOCKS = 30;
const SLOW_BLOCKS = 10;

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Loudness {
  constructor(meter) {
    this.meter = meter;
    this.blocks = 0;
    this.quiet = 0;
    this.clipped = 0;
  }

  push(rms, peak) {
    this.blocks += 1;
    this.quiet = rms < QUIET_RMS ? this.quiet + 1 : 0;
    this.clipped = peak > CLIPPED_PEAK ? CLIPPED_BLOCKS : Math.max(0, this.clipped - 1);
    if (!calm.matches || this.blocks % SLOW_BLOCKS === 0) this.meter.value = Math.min(1, 4 * rms);
  }

  get warnings() {
    if (this.quiet >= QUIET_BLOCKS) {
      return ["Nothing can be heard. Is it the right microphone, and is it on?"];
    }
    return this.clipped ? ["Too loud: the microphone distorts. Turn it down or go away from it a little."] : [];
  }
}
