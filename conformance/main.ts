// `pnpm conformance torch`: runs golden cases that other people's code wrote. README.md says what they are.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BackendName, backendNames, backends } from './backends.js';
import { locate } from './folder.js';
import { reportOf, textOf } from './report.js';
import { type Result, runFamilies } from './run.js';
import type { Family, Suite } from './suite.js';
import { torch } from './torch/index.js';

const suites: readonly Suite[] = [torch];
const packed = fileURLToPath(new URL('./cases', import.meta.url));

const usage = `Usage: pnpm conformance SUITE [options]

  SUITE            ${suites.map(({ name }) => name).join(', ')}
  --dir FOLDER     where the cases are: a folder with one folder for each suite, or that of the suite; the project's own copy if left out
  --backend NAME   ${backendNames.join(' or ')}; all of them if left out
  --family NAME    one family of cases, by the name of its file; may be given again
  --json           the report as JSON`;

class UsageError extends Error {}

interface Options {
  suite: Suite;
  dir: string;
  backends: readonly BackendName[];
  families: readonly string[];
  json: boolean;
}

function optionsOf(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      dir: { type: 'string' },
      backend: { type: 'string', multiple: true },
      family: { type: 'string', multiple: true },
      json: { type: 'boolean' },
    },
  });
  const suite = suites.find(({ name }) => name === positionals[0]);
  if (!suite || positionals.length > 1) {
    throw new UsageError(`SUITE: expected ${suites.map(({ name }) => name).join(' or ')}, got ${positionals.join(' ') || 'nothing'}`);
  }
  const wrong = values.backend?.find((name) => !backendNames.includes(name as BackendName));
  if (wrong !== undefined) throw new UsageError(`--backend: expected ${backendNames.join(' or ')}, got ${wrong}`);
  const chosen = (values.backend as BackendName[] | undefined) ?? backendNames;
  // The program runs at the root of the workspace, wherever it was called.
  const dir = values.dir === undefined ? packed : resolve(process.env.INIT_CWD ?? '.', values.dir);
  return { suite, dir, backends: chosen, families: values.family ?? [], json: values.json ?? false };
}

function familiesOf({ suite, dir, families }: Options): Family[] {
  const all = suite.open(locate(dir, suite.name));
  const missing = families.find((name) => !all.some((family) => family.name === name));
  if (missing !== undefined) throw new UsageError(`--family: expected one of ${all.map(({ name }) => name).join(', ')}, got ${missing}`);
  return families.length > 0 ? all.filter(({ name }) => families.includes(name)) : all;
}

async function resultsOn(name: BackendName, families: readonly Family[]): Promise<Result[]> {
  const results: Result[] = [];
  try {
    const backend = await backends[name]();
    for await (const result of runFamilies(families, name, backend)) results.push(result);
    backend.dispose();
  } catch (error) {
    results.push({ backend: name, family: '-', name: 'the backend', outcome: 'failed', reason: `threw ${String(error)}` });
  }
  return results;
}

async function main(args: string[]): Promise<void> {
  const options = optionsOf(args);
  const families = familiesOf(options);
  const results: Result[] = [];
  for (const name of options.backends) results.push(...(await resultsOn(name, families)));
  const report = reportOf(options.suite.name, results);
  console.log(options.json ? JSON.stringify(report, null, 2) : textOf(report));
  if (report.counts.failed > 0) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`);
  process.exitCode = 2;
}
