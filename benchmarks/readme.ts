import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { here } from './build.ts';
import type { Run } from './child.ts';
import { type Machine, machineText } from './machine.ts';
import { runText } from './table.ts';

/** Puts the tables of each bench that has run between its two comments in README.md: `<!-- bench: matmul -->` and `<!-- /bench -->`. */
export function writeTables(machine: Machine, runs: readonly Run[]): void {
  const file = join(here, 'README.md');
  writeFileSync(file, withTables(readFileSync(file, 'utf8'), machine, runs));
}

export function withTables(page: string, machine: Machine, runs: readonly Run[]): string {
  return [...new Set(runs.map(({ bench }) => bench))].reduce((text, bench) => {
    const place = new RegExp(`(<!-- bench: ${bench} -->\\n)[\\s\\S]*?(<!-- /bench -->)`);
    if (!place.test(text)) throw new Error(`README.md has no place for ${bench}: <!-- bench: ${bench} --> … <!-- /bench -->`);
    const tables = runs
      .filter((run) => run.bench === bench)
      .map(runText)
      .join('\n\n');
    return text.replace(place, (_, start: string, end: string) => `${start}\n${machineText(machine)}\n\n${tables}\n\n${end}`);
  }, page);
}
