// The telephone's window: JsSIP over our own websocket, the microphone, the bell. It is opened when the seat is taken
// and stays open beside the work; the desk's tabs speak with it over a BroadcastChannel (seat.ts).
import { UA, WebSocketInterface } from "jssip";
import type { AnswerOptions, RTCSession } from "jssip/lib/RTCSession";
import type { RTCSessionEvent } from "jssip/lib/UA";
import { start } from "./common";
import { keys } from "./keys";
import { channel, refresh, seat, type Line } from "./seat";

const LOCK = "wasl-phone";
const AUTO = "X-Wasl-AutoAnswer";
const ICE_MS = 500;
const TEST_MS = 3000;
const KNOWN_MS = 2000;
const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

const now: Line = { line: "connecting", session: "none", muted: false };
let ua: UA | null = null;
let session: RTCSession | null = null;
let microphone: MediaStream | null = null;
let sound: AudioContext | null = null;
let ringing = 0;
let wanted = true;

const part = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

function tell(): void {
  channel.postMessage({ state: { ...now } });
  document.dispatchEvent(new CustomEvent("phone-state", { detail: { ...now } }));
  const said = part("line");
  said.textContent = said.dataset[now.line] ?? "";
  document.body.dataset["line"] = now.line;
  part("keypad").hidden = now.session !== "talking";
  if (now.session === "none") byHand();
  else window.setTimeout(byHand, KNOWN_MS);
  part("taken").hidden = now.line !== "taken" && now.line !== "elsewhere";
}

/** What the desk does not know of is answered and ended here: Asterisk rings the browsers itself while nobody decides. */
function byHand(): void {
  const state = document.querySelector<HTMLElement>("[data-seat]")?.dataset["seat"];
  part("by-hand").hidden = now.session === "none" || state === "offered" || state === "busy";
}

function set(change: Partial<Line>): void {
  Object.assign(now, change);
  tell();
}

/** Everybody looks at the server again at once: what rings here is known there. */
function news(): void {
  channel.postMessage({ news: true });
  refresh();
}

// --- the bell ---

function chime(): void {
  if (!sound || sound.state !== "running") return;
  const at = sound.currentTime;
  for (const [i, pitch] of [440, 554, 659].entries()) {
    const tone = sound.createOscillator();
    const loud = sound.createGain();
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0, at + i * 0.18);
    loud.gain.linearRampToValueAtTime(0.25, at + i * 0.18 + 0.02);
    loud.gain.exponentialRampToValueAtTime(0.001, at + i * 0.18 + 0.35);
    tone.connect(loud).connect(sound.destination);
    tone.start(at + i * 0.18);
    tone.stop(at + i * 0.18 + 0.4);
  }
}

function bell(on: boolean): void {
  window.clearInterval(ringing);
  if (!on) return;
  chime();
  ringing = window.setInterval(chime, 2000);
}

function loud(): void {
  sound ??= new AudioContext();
  void sound.resume().then(() => (part("bell").hidden = true));
  part("bell").hidden = sound.state === "running";
}

// --- microphone and speaker ---

function meter(stream: MediaStream): void {
  sound ??= new AudioContext();
  const listens = sound.createAnalyser();
  listens.fftSize = 512;
  sound.createMediaStreamSource(stream).connect(listens);
  const heard = new Float32Array(listens.fftSize);
  const level = part<HTMLMeterElement>("level");
  window.setInterval(() => {
    if (document.hidden || microphone !== stream) return;
    listens.getFloatTimeDomainData(heard);
    level.value = Math.min(1, 4 * Math.sqrt(heard.reduce((sum, x) => sum + x * x, 0) / heard.length));
  }, 100);
}

async function listen(device?: string): Promise<void> {
  const before = microphone;
  try {
    microphone = await navigator.mediaDevices.getUserMedia({
      audio: device ? { ...AUDIO, deviceId: { exact: device } } : AUDIO,
      video: false,
    });
  } catch {
    part("no-microphone").hidden = false;
    return;
  }
  part("no-microphone").hidden = true;
  before?.getTracks().forEach((track) => track.stop());
  const [track] = microphone.getAudioTracks();
  const sends = session?.connection?.getSenders().find((one) => one.track?.kind === "audio");
  if (track && sends) {
    track.enabled = !now.muted;
    await sends.replaceTrack(track);
  }
  meter(microphone);
  loud();
  await devices();
}

async function devices(): Promise<void> {
  const known = await navigator.mediaDevices.enumerateDevices();
  const chosen = microphone?.getAudioTracks()[0]?.getSettings().deviceId ?? "";
  const fill = (id: string, kind: MediaDeviceKind, current: string) => {
    const list = part<HTMLSelectElement>(id);
    const those = known.filter((one) => one.kind === kind);
    list.replaceChildren(...those.map((one, i) => new Option(one.label || String(i + 1), one.deviceId, false, one.deviceId === current)));
    list.disabled = those.length < 2;
  };
  fill("microphone", "audioinput", chosen);
  fill("speaker", "audiooutput", (part<HTMLAudioElement>("caller") as HTMLAudioElement & { sinkId?: string }).sinkId ?? "");
}

async function test(): Promise<void> {
  if (!microphone) return;
  const said = part("test-said");
  const records = new MediaRecorder(microphone);
  const pieces: Blob[] = [];
  records.addEventListener("dataavailable", (event) => pieces.push(event.data));
  records.addEventListener("stop", () => {
    said.textContent = said.dataset["plays"] ?? "";
    const url = URL.createObjectURL(new Blob(pieces, { type: records.mimeType }));
    const plays = new Audio(url);
    const over = () => {
      said.textContent = said.dataset["over"] ?? "";
      URL.revokeObjectURL(url);
    };
    plays.addEventListener("ended", over);
    void plays.play().catch(over);
  });
  said.textContent = said.dataset["records"] ?? "";
  records.start();
  window.setTimeout(() => records.stop(), TEST_MS);
}

// --- the line ---

function answer(): void {
  if (session?.direction !== "incoming" || session.isEstablished() || session.isEnded()) return;
  bell(false);
  const options: AnswerOptions = { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } };
  if (microphone) options.mediaStream = microphone;
  session.answer(options);
}

function came({ session: fresh, originator, request }: RTCSessionEvent): void {
  if (originator !== "remote") return;
  if (session) {
    fresh.terminate({ status_code: 486 });
    return;
  }
  session = fresh;
  set({ session: "ringing", muted: false });
  news();
  let gathering = 0;
  fresh.on("icecandidate", (event) => {
    window.clearTimeout(gathering);
    // The first own address is enough within a house; waiting for all may take seconds.
    if (event.candidate.type === "host") event.ready();
    else gathering = window.setTimeout(() => event.ready(), ICE_MS);
  });
  fresh.on("peerconnection", ({ peerconnection }) => {
    peerconnection.addEventListener("track", (event) => {
      part<HTMLAudioElement>("caller").srcObject = event.streams[0] ?? new MediaStream([event.track]);
    });
  });
  fresh.on("confirmed", () => {
    set({ session: "talking" });
    news();
  });
  const over = () => {
    if (session !== fresh) return;
    session = null;
    bell(false);
    part<HTMLAudioElement>("caller").srcObject = null;
    set({ session: "none", muted: false });
    news();
  };
  fresh.on("ended", over);
  fresh.on("failed", over);
  if (request.getHeader(AUTO)) {
    chime();
    answer();
  } else bell(true);
}

async function connect(): Promise<void> {
  ua?.stop();
  ua = null;
  const token = /"X-CSRFToken": "([^"]+)"/.exec(document.body.getAttribute("hx-headers") ?? "")?.[1] ?? "";
  const given = await fetch(document.body.dataset["secret"] ?? "", { method: "POST", headers: { "X-CSRFToken": token } });
  if (!given.ok) return set({ line: given.status === 404 ? "out" : "refused" });
  const { user, password } = (await given.json()) as { user: string; password: string };
  const secure = window.location.protocol === "https:";
  // JsSIP answers when the server asks whether the page is there (RFC 5626): a page in the back has no clock of its own.
  const wire = new WebSocketInterface(`${secure ? "wss" : "ws"}://${window.location.host}/phone/ws`);
  ua = new UA({
    sockets: [wire],
    uri: `sip:${user}@wasl.invalid`,
    authorization_user: user,
    password,
    register: true,
    register_expires: 120,
    session_timers: false,
    connection_recovery_min_interval: 1,
    connection_recovery_max_interval: 8,
    user_agent: "Wasl",
  });
  ua.on("connecting", () => set({ line: "connecting" }));
  ua.on("disconnected", (event) => {
    // The server says so when somebody took this seat elsewhere, or left it.
    const code = (event as unknown as { code?: number }).code;
    if (code === 4002) {
      ua?.stop();
      set({ line: "elsewhere" });
    } else if (code === 4001) {
      ua?.stop();
      void connect();
    } else set({ line: "lost" });
  });
  ua.on("registered", () => set({ line: "connected" }));
  ua.on("registrationFailed", () => set({ line: "refused" }));
  ua.on("newRTCSession", came);
  ua.start();
}

function hear(what: string): void {
  const [verb, key] = what.split(":");
  if (verb === "answer") answer();
  else if (verb === "end") session?.terminate();
  else if (verb === "decline") session?.terminate({ status_code: 486 });
  else if (verb === "mute" && session) {
    if (now.muted) session.unmute({ audio: true });
    else session.mute({ audio: true });
    set({ muted: !now.muted });
  } else if (verb === "key" && key && session?.isEstablished()) session.sendDTMF(key, { transportType: "RFC2833" } as never);
}

/** The seat was taken or left on a page of the desk: the line follows. */
function follow(): void {
  let before = document.querySelector<HTMLElement>("[data-seat]")?.dataset["seat"];
  document.body.addEventListener("htmx:afterSettle", () => {
    byHand();
    const state = document.querySelector<HTMLElement>("[data-seat]")?.dataset["seat"];
    if (state === before) return;
    const [was, is] = [before === "out", state === "out"];
    before = state;
    if (was && !is) void connect();
    if (is) {
      ua?.stop();
      set({ line: "out" });
    }
  });
}

async function run(): Promise<void> {
  tell();
  await listen();
  navigator.mediaDevices?.addEventListener("devicechange", () => void devices());
  await connect();
}

/** One telephone in this browser: a second window waits until it is told to be the one. */
function only(steal: boolean): void {
  const options: LockOptions = steal ? { steal: true } : { ifAvailable: true };
  navigator.locks
    .request(LOCK, options, async (lock) => {
      if (!lock) return set({ line: "taken" });
      await run();
      await new Promise(() => undefined);
    })
    .catch(() => {
      // Another window is the telephone now.
      wanted = false;
      ua?.stop();
      set({ line: "elsewhere" });
    });
}

start();
keys();
seat();
follow();
document.addEventListener("phone-do", (event) => hear((event as CustomEvent<string>).detail));
channel.addEventListener("message", (event: MessageEvent<{ do?: string; ask?: true }>) => {
  if (event.data.do) hear(event.data.do);
  if (event.data.ask && wanted) channel.postMessage({ state: { ...now } });
});
document.addEventListener("click", (event) => {
  const target = event.target as Element;
  if (target.closest("[data-phone-bell]")) loud();
  if (target.closest("[data-phone-test]")) void test();
  if (target.closest("[data-phone-steal]")) {
    wanted = true;
    only(true);
  }
});
part<HTMLSelectElement>("microphone").addEventListener("change", (event) => void listen((event.target as HTMLSelectElement).value));
part<HTMLSelectElement>("speaker").addEventListener("change", (event) => {
  const plays = part<HTMLAudioElement>("caller") as HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> };
  void plays.setSinkId?.((event.target as HTMLSelectElement).value);
});
window.addEventListener("beforeunload", (event) => {
  if (session?.isEstablished()) event.preventDefault();
});
window.addEventListener("pagehide", () => {
  // In a call nothing is said: whoever hears the silence gives the caller to somebody else. A farewell would end him.
  if (!session?.isEstablished()) ua?.stop();
});
only(false);
