/* Sound and vibration that tell the answers apart without looking; off where somebody switched them off. */

const TONES = { pass: [880, 1320], calm: [660], unknown: [520, 520], fail: [220, 180] };
const PULSES = { pass: [80], calm: [40, 60, 40], unknown: [150, 100, 150], fail: [400] };
const TONE_SECONDS = 0.13;

export class Alarm {
  constructor(isOn) {
    this.isOn = isOn;
    this.context = null;
  }

  tell(state) {
    if (!this.isOn()) return;
    navigator.vibrate?.(PULSES[state] ?? PULSES.unknown);
    try {
      this.context ??= new AudioContext();
      const at = this.context.currentTime;
      (TONES[state] ?? TONES.unknown).forEach((tone, number) => this.#play(tone, at + number * (TONE_SECONDS + 0.03)));
    } catch {
      // no sound on this device: the screen says it
    }
  }

  #play(frequency, at) {
    const tone = new OscillatorNode(this.context, { frequency });
    const loudness = new GainNode(this.context, { gain: 0.2 });
    tone.connect(loudness).connect(this.context.destination);
    tone.start(at);
    tone.stop(at + TONE_SECONDS);
  }
}
