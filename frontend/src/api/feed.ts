/** The live feed: what has just changed, over one WebSocket that mends itself. */

export interface Change {
  sequence: number;
  session_id: number | null;
  kind: string;
  data: Record<string, unknown>;
}

export type FeedState = "connecting" | "connected" | "reconnecting" | "refused";

/** What a socket must be able to do; a test gives another one. */
export interface SocketLike {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  close(): void;
}

interface FeedOptions {
  /** Watch one session only. */
  session?: number | undefined;
  onChanges: (changes: Change[]) => void;
  /** Too much was missed: read everything again. */
  onResync: () => void;
  onState: (state: FeedState) => void;
  open?: (path: string) => SocketLike;
  /** Milliseconds to wait before try n (1, 2, …). */
  delay?: (attempt: number) => number;
}

/** A connection that does not come about within this is given up: the network may be back for another one. */
const OPENS_WITHIN_MS = 10_000;

/** Codes after which trying again is of no use: nobody is logged in, or the session is not theirs (any more). */
const REFUSALS = new Set([4401, 4403]);

type Message =
  | { type: "hello"; epoch: string; sequence: number; ping_s: number }
  | { type: "delta"; epoch: string; sequence: number; changes: Change[] }
  | { type: "resync" | "ping"; epoch: string; sequence: number };

/** Waits 0.5, 1, 2, 4, … 15 s, each made longer or shorter by chance, so that not all pages come at once. */
export function backOff(attempt: number, chance: number = Math.random()): number {
  return Math.min(15_000, 500 * 2 ** (attempt - 1)) * (0.75 + 0.5 * chance);
}

function openSocket(path: string): SocketLike {
  const scheme = window.location.protocol === "https:" ? "wss" : "ws";
  return new WebSocket(`${scheme}://${window.location.host}${path}`);
}

export class FeedConnection {
  private socket: SocketLike | null = null;
  private position: string | null = null;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private pingMs = 10_000;
  private opened = false;
  private ended = false;

  constructor(private readonly options: FeedOptions) {
    options.onState("connecting");
    this.connect();
  }

  /** Try now: the network is back, or the page is looked at again. A try under way may hang, and is given up. */
  wake(): void {
    if (!this.opened) this.connectAnew();
  }

  /** The network changed: is the server still there? */
  doubt(): void {
    if (this.opened) this.options.onState("reconnecting");
    this.connectAnew();
  }

  close(): void {
    this.ended = true;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    const { socket } = this;
    if (socket && !this.opened) {
      // A browser complains of a connection that is given up while it is being made: it is ended right after.
      this.socket = null;
      socket.onmessage = null;
      socket.onclose = () => clearTimeout(late);
      socket.onopen = () => socket.close();
      const late = setTimeout(() => socket.close(), OPENS_WITHIN_MS);
      return;
    }
    this.drop();
  }

  private drop(): void {
    const { socket } = this;
    this.socket = null;
    this.opened = false;
    if (!socket) return;
    socket.onopen = null;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
  }

  private connectAnew(): void {
    if (this.ended) return;
    clearTimeout(this.timer);
    this.drop();
    this.connect();
  }

  private connect(): void {
    const query = new URLSearchParams();
    if (this.options.session !== undefined) query.set("session", String(this.options.session));
    if (this.position) query.set("since", this.position);
    const text = query.toString();
    const socket = (this.options.open ?? openSocket)(`/api/ws${text ? `?${text}` : ""}`);
    this.socket = socket;
    this.expectWithin(OPENS_WITHIN_MS);
    socket.onopen = () => {
      this.opened = true;
      this.attempt = 0;
      this.options.onState("connected");
      this.listenOn();
    };
    socket.onmessage = (event) => this.take(String(event.data));
    socket.onclose = (event) => this.lost(event.code);
  }

  private take(text: string): void {
    const message = JSON.parse(text) as Message;
    const position = `${message.epoch}:${message.sequence}`;
    // What follows a greeting may still be on its way: only who comes for the first time begins there.
    if (message.type !== "hello") this.position = position;
    else this.position ??= position;
    if (message.type === "hello") this.pingMs = message.ping_s * 1000;
    if (message.type === "resync") this.options.onResync();
    if (message.type === "delta") this.options.onChanges(message.changes);
    this.listenOn();
  }

  /** A network that was cut says nothing at all: after two pings that did not come the socket is given up. */
  private listenOn(): void {
    this.expectWithin(2.5 * this.pingMs);
  }

  private expectWithin(milliseconds: number): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.drop();
      this.lost(0);
    }, milliseconds);
  }

  private lost(code: number): void {
    this.socket = null;
    this.opened = false;
    clearTimeout(this.silence);
    if (this.ended) return;
    if (REFUSALS.has(code)) {
      this.ended = true;
      this.options.onState("refused");
      return;
    }
    this.attempt += 1;
    this.options.onState("reconnecting");
    this.timer = setTimeout(() => this.connect(), (this.options.delay ?? backOff)(this.attempt));
  }
}
