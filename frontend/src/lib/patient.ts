/** Parts of the page that are loaded when they are first looked at, however bad the network is just then. */

const PAUSE_MS = 1500;

/** A part of the page that does not come, although the server answers. */
export class PartError extends Error {
  constructor() {
    super("This part of the page did not come from the server.");
    this.name = "PartError";
  }
}

/** Whether the server answers, and whether its page is still the one that is open. */
export type Answer = "away" | "same page" | "another page";

async function askServer(): Promise<Answer> {
  try {
    const page = await (await fetch("/", { cache: "no-store" })).text();
    const own = document.querySelector("script[type=module][src]")?.getAttribute("src");
    return !own || page.includes(own) ? "same page" : "another page";
  } catch {
    return "away";
  }
}

/** Style sheets that did not come are asked for again: the browser does that for scripts only. */
export async function renewStyles(): Promise<void> {
  const broken = [...document.querySelectorAll<HTMLLinkElement>("link[rel=stylesheet]")].filter(
    (link) => !link.sheet,
  );
  await Promise.all(
    broken.map((link) => {
      const again = link.cloneNode() as HTMLLinkElement;
      return new Promise((resolve, reject) => {
        again.onload = resolve;
        again.onerror = reject;
        link.replaceWith(again);
      });
    }),
  );
}

/** Import a module by another address: some browsers never ask again for one that once did not come. */
async function importAgain(error: unknown): Promise<unknown> {
  const told = error instanceof Error ? /https?:\/\/\S+\.js/.exec(error.message)?.[0] : undefined;
  if (!told?.startsWith(`${window.location.origin}/`)) throw error;
  return import(/* @vite-ignore */ `${told}?again=${Date.now()}`);
}

/**
 * Load a part; while the server can't be reached, again and again until it comes. Where the browser remembers
 * the failure, the part is asked for by another address. Where the server has another page by now, or came back
 * and the part still fails, all of the page is loaded anew.
 *
 * @throws PartError where the server answers and the part does not come.
 */
export async function patiently<T>(
  load: () => Promise<T>,
  ask: () => Promise<Answer> = askServer,
  reload: () => void = () => window.location.reload(),
  loadAgain: (error: unknown) => Promise<unknown> = importAgain,
): Promise<T> {
  let wasAway = false;
  for (let answer: Answer | null = null; ; ) {
    try {
      if (answer) await renewStyles();
      return await load();
    } catch (error) {
      if (answer === "same page") {
        const found = await loadAgain(error).catch(() => null);
        if (found) return found as T;
        if (!wasAway) throw new PartError();
        reload();
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      answer = await ask();
      if (answer === "away") wasAway = true;
      if (answer === "another page") reload();
    }
  }
}
