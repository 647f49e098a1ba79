import type { Finding } from '../suite.js';

/** Whether a value is what is right, as JSON. */
export function equal(what: string, got: unknown, want: unknown): Finding {
  const [gotText, wantText] = [got, want].map((value) => JSON.stringify(value) ?? 'undefined') as [string, string];
  if (gotText === wantText) return { what, problem: null };
  let same = 0;
  while (gotText[same] === wantText[same]) same++;
  const around = (text: string) => `${same > 40 ? '…' : ''}${text.slice(Math.max(0, same - 40), same + 60)}`;
  return { what, problem: `${what}: got ${around(gotText)}, want ${around(wantText)}` };
}

/** Positions in code units as positions in code points. */
export function inCodePoints(text: string, position: number): number {
  return [...text.slice(0, position)].length;
}
