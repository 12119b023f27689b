import { useCallback, useState } from "react";

interface Action {
  busy: boolean;
  error: unknown;
  /** Does it; true if it worked. */
  run: (work: () => Promise<unknown>) => Promise<boolean>;
}

/** Something a person asked for: whether it is being done, and why it failed. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = useCallback(async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
      return true;
    } catch (failure) {
      setError(failure);
      return false;
    } finally {
      setBusy(false);
    }
  }, []);
  return { busy, error, run };
}
