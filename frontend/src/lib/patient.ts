/** Parts of the page that are loaded when they are first looked at, however bad the network is just then. */

const PAUSE_MS = 1500;

async function serverAnswers(): Promise<boolean> {
  try {
    await fetch("/api/me");
    return true;
  } catch {
    return false;
  }
}

/**
 * Load a part, again and again until it comes. Where the server answers and the part still does not come, the
 * page is of an older server, or the browser remembers the failure: then all of it is loaded anew.
 */
export async function patiently<T>(
  load: () => Promise<T>,
  answers: () => Promise<boolean> = serverAnswers,
  reload: () => void = () => window.location.reload(),
): Promise<T> {
  let answered = false;
  for (;;) {
    try {
      return await load();
    } catch {
      if (answered) reload();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      answered = await answers();
    }
  }
}
