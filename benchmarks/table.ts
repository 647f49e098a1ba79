import type { Verdict } from './bars.ts';
import type { Run } from './child.ts';
import type { CaseResult, Row } from './contest.ts';

/* The tables, as Markdown whose columns are aligned, so that they read well in a terminal, too. */

export function runText(run: Run): string {
  const { setting, versions, cases, verdicts, notes } = run;
  const heading = `Node ${versions.node} (V8 ${versions.v8}), ${threadsText(setting.threads)}${setting.quick ? ', quick: not to be quoted' : ''}`;
  const rows = cases.flatMap((result) => result.rows.map((row, i) => cells(result, row, i === 0)));
  const unit = cases.find((result) => result.unit)?.unit;
  const header = ['case', 'who', 'ms, median', 'min … max', ...(unit ? [unit] : []), 'times ours'];
  const body = unit ? rows : rows.map((row) => row.toSpliced(4, 1));
  const remarks = [...notes, ...remarksOf(cases)];
  return [
    `**${heading}**`,
    markdownTable(header, body),
    remarks.map((remark) => `- ${remark}`).join('\n'),
    run.extra?.rows.length ? `${run.extra.title}:\n\n${markdownTable(run.extra.header, run.extra.rows)}` : '',
    markdownTable(['bar', 'case', 'what', 'wanted', 'found'], verdicts.map(verdictCells)),
  ]
    .filter(Boolean)
    .join('\n\n');
}

export const threadsText = (threads: number) => (threads === 1 ? '1 thread' : `${threads} threads`);

function cells(result: CaseResult, row: Row, first: boolean): string[] {
  const name = first ? result.name : '';
  // In a word; the whole of it is a remark.
  if (!row.samples) return [name, row.contestant, (row.missing ?? '').split(':')[0]!, '', '', ''];
  const { median, min, max } = row.samples;
  const ours = result.rows.find(({ contestant }) => contestant === 'multihead')?.samples?.median;
  const ratio = ours && !row.yardstick ? (median / ours).toFixed(2) : '';
  return [name, row.contestant, short(median), `${short(min)} … ${short(max)}`, row.rate === undefined ? '' : row.rate.toFixed(1), ratio];
}

/** What holds in several cases is said once, with their names. */
function remarksOf(cases: CaseResult[]): string[] {
  const found = new Map<string, string[]>();
  const say = (text: string, name: string) => found.set(text, [...(found.get(text) ?? []), name]);
  for (const { name, rows, agreed, tolerance } of cases) {
    for (const { contestant, note } of rows) if (note) say(`${contestant}: ${note}`, name);
    for (const { contestant, missing } of rows) if (missing) say(`${contestant}: ${missing}`, name);
    if (agreed.length > 0) say(`Results agreed within ${tolerance} before anything was timed: ${agreed.join('; ')}`, name);
  }
  return [...found].map(([text, names]) => (names.length === cases.length ? text : `${text} (${names.join('; ')})`));
}

function verdictCells({ case: name, what, wanted, found, met }: Verdict): string[] {
  return [met === null ? 'not judged' : met ? 'met' : 'SHORT', name, what, wanted, found];
}

/** Three digits that count. */
export function short(ms: number): string {
  if (ms >= 100) return ms.toFixed(0);
  return ms.toPrecision(3);
}

export function markdownTable(header: string[], rows: string[][]): string {
  if (rows.length === 0) return '';
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(header), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** The last line of `--check`. */
export function verdictLine(runs: readonly Run[], failures: readonly string[] = []): string {
  const all = runs.flatMap((run) => run.verdicts.map((verdict) => ({ run, verdict })));
  const shortfalls = all
    .filter(({ verdict }) => verdict.met === false)
    .map(({ run, verdict }) => {
      const where = `${run.bench} ${verdict.case} on Node ${run.setting.node}, ${threadsText(run.setting.threads)}`;
      return `${where}: ${verdict.what}: ${verdict.found}, wanted ${verdict.wanted}`;
    });
  const problems = [...failures, ...shortfalls];
  const judged = all.filter(({ verdict }) => verdict.met !== null).length;
  if (problems.length === 0) return `All ${judged} bars are met.`;
  return `${shortfalls.length} of ${judged} bars fall short: ${problems.join('; ')}`;
}
