/** What time it is at the server: ages are told by its clock, however wrong the one of this computer is. */

/** The answer's time is in whole seconds and has travelled: less than this is no difference. */
const TOLERANCE_S = 3;

let aheadS = 0;

/** Take the time from an answer's `Date`. */
export function hearServerTime(date: string | null): void {
  const heardS = date === null ? Number.NaN : Date.parse(date) / 1000;
  const differenceS = heardS - Date.now() / 1000;
  if (Math.abs(differenceS) <= TOLERANCE_S) aheadS = 0;
  else if (Math.abs(differenceS - aheadS) > TOLERANCE_S) aheadS = differenceS;
}

/** Seconds since 1970 by the server's clock, as far as it was heard. */
export function serverNow(): number {
  return Date.now() / 1000 + aheadS;
}
