// The microphone as blocks of 16-bit PCM.

const RATE = 16000;
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

// Some browsers record only at the rate of the sound card; the server takes any.
function source(stream) {
  let context = new AudioContext({ sampleRate: RATE });
  try {
    return context.createMediaStreamSource(stream);
  } catch {
    context.close();
    context = new AudioContext();
    return context.createMediaStreamSource(stream);
  }
}

function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}

// Calls `onBlock` with {pcm, rms, peak} ten times a second, and `onEnd` when the microphone is
// taken away. Rejects as getUserMedia does.
export async function capture(onBlock, onEnd) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: RAW });
  try {
    const microphone = source(stream);
    const { context } = microphone;
    await context.audioWorklet.addModule("/static/capture-worklet.js");
    const node = new AudioWorkletNode(context, "capture", { channelCount: 1, channelCountMode: "explicit" });
    const flushed = new Promise((resolve) => {
      node.port.onmessage = ({ data }) => {
        if (data.pcm.length) onBlock(data);
        if (data.last) resolve();
      };
    });
    microphone.connect(node).connect(context.destination);
    await context.resume();
    const [track] = stream.getAudioTracks();
    track.addEventListener("ended", onEnd);
    return {
      rate: context.sampleRate,
      label: track.label,
      async stop() {
        node.port.postMessage("stop");
        await flushed;
        release(stream);
        await context.close();
      },
    };
  } catch (error) {
    release(stream);
    throw error;
  }
}
