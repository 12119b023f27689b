import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backOff, type Change, FeedConnection, type FeedState, type SocketLike } from "./feed";

class FakeSocket implements SocketLike {
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  closed = false;
  constructor(readonly path: string) {}
  close() {
    this.closed = true;
  }
  say(message: object) {
    this.onmessage?.(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
  end(code: number) {
    this.onclose?.({ code } as CloseEvent);
  }
}

const change: Change = { sequence: 7, session_id: 3, kind: "strip", data: {} };

describe("live feed", () => {
  let sockets: FakeSocket[];
  let states: FeedState[];
  let changes: Change[];
  let resyncs: number;
  let feed: FeedConnection;
  const last = () => sockets[sockets.length - 1] as FakeSocket;

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    states = [];
    changes = [];
    resyncs = 0;
    feed = new FeedConnection({
      session: 3,
      onChanges: (more) => changes.push(...more),
      onResync: () => resyncs++,
      onState: (state) => states.push(state),
      delay: () => 1000,
      open: (path) => {
        const socket = new FakeSocket(path);
        sockets.push(socket);
        return socket;
      },
    });
    last().onopen?.(new Event("open"));
    last().say({ type: "hello", epoch: "e", sequence: 5, ping_s: 30 });
  });
  afterEach(() => {
    feed.close();
    vi.useRealTimers();
  });

  it("watches one session and passes changes on", () => {
    last().say({ type: "delta", epoch: "e", sequence: 7, changes: [change] });
    expect(last().path).toBe("/api/ws?session=3");
    expect(changes).toEqual([change]);
    expect(states).toEqual(["connecting", "connected"]);
  });

  it("comes back after a break and asks for what it missed", () => {
    last().say({ type: "delta", epoch: "e", sequence: 7, changes: [change] });
    last().end(1006);
    expect(states.at(-1)).toBe("reconnecting");
    vi.advanceTimersByTime(1000);
    expect(last().path).toBe("/api/ws?session=3&since=e%3A7");
    last().onopen?.(new Event("open"));
    // A greeting alone must not move the place: the break may come again before the changes do.
    last().say({ type: "hello", epoch: "e", sequence: 20, ping_s: 30 });
    last().end(1006);
    vi.advanceTimersByTime(1000);
    expect(last().path).toContain("e%3A7");
  });

  it("has everything read again after a resync", () => {
    last().say({ type: "resync", epoch: "new", sequence: 1 });
    expect(resyncs).toBe(1);
    last().end(1006);
    vi.advanceTimersByTime(1000);
    expect(last().path).toContain("since=new%3A1");
  });

  it("gives up a socket that says nothing for two pings", () => {
    const first = last();
    vi.advanceTimersByTime(74_000);
    expect(first.closed).toBe(false);
    first.say({ type: "ping", epoch: "e", sequence: 5 });
    vi.advanceTimersByTime(76_000);
    expect(first.closed).toBe(true);
    expect(states).toContain("reconnecting");
  });

  it("does not try again where it is not let in", () => {
    last().end(4403);
    vi.advanceTimersByTime(60_000);
    expect(states.at(-1)).toBe("refused");
    expect(sockets).toHaveLength(1);
  });

  it("tries at once when the network is back", () => {
    last().end(1006);
    feed.wake();
    expect(sockets).toHaveLength(2);
    last().onopen?.(new Event("open"));
    feed.wake();
    expect(sockets).toHaveLength(2);
  });

  it("gives up a try that hangs: after 10 s, and at once when the network is back", () => {
    last().end(1006);
    vi.advanceTimersByTime(1000);
    const second = last();
    vi.advanceTimersByTime(10_000);
    expect(second.closed).toBe(true);
    vi.advanceTimersByTime(1000);
    const third = last();
    expect(sockets).toHaveLength(3);
    feed.wake();
    expect(third.closed).toBe(true);
    expect(sockets).toHaveLength(4);
  });

  it("looks at once whether the server is still there when the computer loses its network", () => {
    const first = last();
    feed.doubt();
    expect(first.closed).toBe(true);
    expect(states.at(-1)).toBe("reconnecting");
    last().onopen?.(new Event("open"));
    expect(states.at(-1)).toBe("connected");
  });

  it("waits longer from try to try, up to 15 s", () => {
    expect([1, 2, 3, 10].map((attempt) => backOff(attempt, 0.5))).toEqual([500, 1000, 2000, 15_000]);
    expect(backOff(10, 1)).toBeLessThanOrEqual(18_750);
  });
});
