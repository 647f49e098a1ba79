import type { Finding } from '../suite.js';
import type { MalformedCase, Outcome } from './document.js';

/** No file may take longer, whatever a case allows. */
const MOST_MS = 1000;

/** Whether a file may be accepted and whether it may be refused, by verdict. */
const verdicts: ReadonlyMap<string, { accept: boolean; reject: boolean }> = new Map([
  ['accept', { accept: true, reject: false }],
  ['reject', { accept: false, reject: true }],
  ['either', { accept: true, reject: true }],
  ['accept-or-stricter', { accept: true, reject: true }],
]);

/** What a case demands, and how the outcomes of all ways of reading differ from it. */
export function findingsOf(golden: MalformedCase, outcomes: readonly Outcome[]): Finding[] {
  const accepting = outcomes.filter(({ accepted }) => accepted).map(({ way }) => way);
  const divided = accepting.length > 0 && accepting.length < outcomes.length;
  return [
    ...outcomes.flatMap((outcome) => findingsOfWay(golden, outcome)),
    { what: 'all ways', problem: divided ? `only ${accepting.join(', ')} accepts it` : null },
  ];
}

function findingsOfWay({ verdict, why, must }: MalformedCase, outcome: Outcome): Finding[] {
  const { way, accepted, error, ms, bytes, problems } = outcome;
  const megabytes = bytes / 2 ** 20;
  const mostMs = Math.min(must.max_ms, MOST_MS);
  const allowed = verdicts.get(verdict);
  const wrong = accepted ? !allowed?.accept : !allowed?.reject;
  const said = error ? `rejects (${error.text})` : 'accepts';
  const rows: [what: string, problem: string | false | undefined][] = [
    ['verdict', wrong && `${said}, want ${verdict} (${why})`],
    ['error', error && !error.typed && `rejects with none of our errors: ${error.text}`],
    ['time', ms > mostMs && `takes ${ms.toFixed(0)} ms, ${mostMs} are allowed`],
    ['memory', megabytes > must.max_mb && `takes ${megabytes.toFixed(1)} MB, ${must.max_mb} are allowed`],
    ['side effects', problems.length > 0 && problems.join(', ')],
  ];
  return rows.map(([what, problem]) => ({ what: `${way}, ${what}`, problem: problem || null }));
}
