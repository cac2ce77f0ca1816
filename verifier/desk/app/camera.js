/* The camera, and the frames that a worker reads; pictures from a file go the same way. */

const WIDTH = { ideal: 1280 };
const HEIGHT = { ideal: 720 };
const PAUSE_MS = 20; // between frames, so that a slow device still answers taps

export class Camera {
  /** `video`: the element that shows what is seen; `found(text)`: told of each code that is read. */
  constructor(video, found) {
    this.video = video;
    this.found = found;
    this.stream = null;
    this.wanted = false;
    this.reader = new Reader();
    this.canvas = document.createElement("canvas");
    this.chosen = null;
    document.addEventListener("visibilitychange", () => this.#returned()); // a stream dies in the background
  }

  /** Begin to look; throws the browser's error where there is no camera, or none may be used. */
  async start() {
    this.wanted = true;
    if (this.stream !== null) return;
    const which = this.chosen === null ? { facingMode: { ideal: "environment" } } : { deviceId: { exact: this.chosen } };
    if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("no camera can be used on this page", "NotFoundError");
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { ...which, width: WIDTH, height: HEIGHT }, audio: false });
    if (!this.wanted) {
      this.#end();
      return;
    }
    this.video.srcObject = this.stream;
    await this.video.play();
    this.#loop(this.stream);
  }

  stop() {
    this.wanted = false;
    this.#end();
  }

  /** The cameras of this device, `{id, label}`. */
  async cameras() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.filter((device) => device.kind === "videoinput").map(({ deviceId: id, label }) => ({ id, label }));
  }

  /** The id of the camera that looks now, whoever chose it. */
  get current() {
    return this.stream?.getVideoTracks()[0]?.getSettings().deviceId ?? this.chosen;
  }

  async choose(id) {
    this.chosen = id;
    this.#end();
    if (this.wanted) await this.start();
  }

  get hasTorch() {
    return Boolean(this.stream?.getVideoTracks()[0]?.getCapabilities?.().torch);
  }

  async torch(on) {
    await this.stream?.getVideoTracks()[0]?.applyConstraints({ advanced: [{ torch: on }] });
  }

  /** The texts of the codes in a picture from a file. */
  async read(file) {
    const picture = await createImageBitmap(file);
    const size = Math.min(1, 2400 / Math.max(picture.width, picture.height));
    return this.reader.read(this.#pixels(picture, Math.round(picture.width * size), Math.round(picture.height * size)), true);
  }

  async #loop(stream) {
    while (this.stream === stream) {
      const { videoWidth: width, videoHeight: height } = this.video;
      if (width > 0) {
        for (const text of await this.reader.read(this.#pixels(this.video, width, height), false)) {
          if (this.stream === stream) this.found(text);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  #pixels(source, width, height) {
    Object.assign(this.canvas, { width, height });
    const drawing = this.canvas.getContext("2d", { willReadFrequently: true });
    drawing.drawImage(source, 0, 0, width, height);
    return drawing.getImageData(0, 0, width, height);
  }

  async #returned() {
    if (!this.wanted) return;
    if (document.visibilityState === "hidden") this.#end();
    else await this.start().catch(() => {});
  }

  #end() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }
}

/* One picture after the other to the worker that has the reader in it. */
class Reader {
  constructor() {
    this.worker = new Worker("reader-worker.js", { type: "module" });
    this.waiting = new Map();
    this.number = 0;
    this.worker.onmessage = ({ data: { number, texts } }) => {
      this.waiting.get(number)?.(texts);
      this.waiting.delete(number);
    };
  }

  read(pixels, thoroughly) {
    this.number += 1;
    const { number } = this;
    const answer = new Promise((resolve) => this.waiting.set(number, resolve));
    this.worker.postMessage({ number, pixels, thoroughly }, [pixels.data.buffer]);
    return answer;
  }
}
