// The WebSocket of a live stream: PCM out, verdicts in.

const SIGNED_OUT = 4401;
const DONE = 1000;
const LATE_SECONDS = 3;

export class LiveSocket {
  // `token` is the form token of the page, `rate` that of the PCM.
  constructor(token, rate, { onAnswer, onClose }) {
    const address = new URL("/live/stream", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    this.waiting = [
      JSON.stringify({ createSessionRequest: {} }),
      JSON.stringify({ audioFrame: { codec: "AUDIO_CODEC_S16LE", sampleRateHz: rate, channels: 1 } }),
    ];
    this.late = 2 * rate * LATE_SECONDS;
    this.socket = new WebSocket(address, ["veravox.v1", `veravox.form.${token}`]);
    this.socket.onopen = () => {
      for (const message of this.waiting) this.socket.send(message);
      this.waiting = [];
    };
    this.socket.onmessage = ({ data }) => onAnswer(JSON.parse(data));
    this.socket.onclose = ({ code, reason }) => {
      const told = reason ? `${reason}.` : "The connection to the server broke.";
      onClose(code === DONE ? "" : told, code === SIGNED_OUT);
    };
  }

  send(message) {
    if (this.socket.readyState === WebSocket.CONNECTING) this.waiting.push(message);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  get behind() {
    return this.socket.bufferedAmount > this.late;
  }

  finish() {
    this.send("{}");
  }
}
