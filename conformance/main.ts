// `pnpm conformance torch`: runs golden cases that other people's code wrote, of one suite or of several. README.md says what they are.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BackendName, backendNames, backends } from './backends.js';
import { locate } from './folder.js';
import { hf } from './hf/index.js';
import { malformed } from './malformed/index.js';
import { onnx } from './onnx/index.js';
import { countLine, countOf, type Report, reportOf, textOf } from './report.js';
import { type Result, runFamilies } from './run.js';
import type { Family, Suite } from './suite.js';
import { tokenizers } from './tokenizers/index.js';
import { torch } from './torch/index.js';

const suites: readonly Suite[] = [torch, onnx, hf, tokenizers, malformed];
const packed = fileURLToPath(new URL('./cases', import.meta.url));

const usage = `Usage: pnpm conformance SUITE … [options]

  SUITE            ${suites.map(({ name }) => name).join(', ')}
  --dir FOLDER     where the cases are: a folder with one folder for each suite, or that of the suite; the project's own copy if left out
  --backend NAME   ${backendNames.join(' or ')}; all of them if left out
  --threads N      of the backends that have them; 1 if left out
  --family NAME    one family of cases, by the name of its file; may be given again
  --json           the report as JSON`;

class UsageError extends Error {}

interface Options {
  suites: readonly Suite[];
  dir: string;
  backends: readonly BackendName[];
  threads: number;
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
      threads: { type: 'string', default: '1' },
      family: { type: 'string', multiple: true },
      json: { type: 'boolean' },
    },
  });
  const wanted = suites.filter(({ name }) => positionals.includes(name));
  const stranger = positionals.find((name) => !suites.some((suite) => suite.name === name));
  if (wanted.length === 0 || stranger !== undefined) {
    throw new UsageError(`SUITE: expected ${suites.map(({ name }) => name).join(' or ')}, got ${stranger ?? 'nothing'}`);
  }
  const wrong = values.backend?.find((name) => !backendNames.includes(name as BackendName));
  if (wrong !== undefined) throw new UsageError(`--backend: expected ${backendNames.join(' or ')}, got ${wrong}`);
  const chosen = (values.backend as BackendName[] | undefined) ?? backendNames;
  const threads = Number(values.threads);
  if (!(Number.isInteger(threads) && threads >= 1)) throw new UsageError(`--threads: expected 1 or more, got ${values.threads}`);
  // The program runs at the root of the workspace, wherever it was called.
  const dir = values.dir === undefined ? packed : resolve(process.env.INIT_CWD ?? '.', values.dir);
  return { suites: wanted, dir, backends: chosen, threads, families: values.family ?? [], json: values.json ?? false };
}

/** The families of every suite, or those that were asked for. */
function familiesOf({ suites, dir, families }: Options): [suite: Suite, families: Family[]][] {
  const all = suites.map((suite): [Suite, Family[]] => [suite, suite.open(locate(dir, suite.name))]);
  const names = all.flatMap(([, found]) => found.map(({ name }) => name));
  const missing = families.find((name) => !names.includes(name));
  if (missing !== undefined) throw new UsageError(`--family: expected one of ${names.join(', ')}, got ${missing}`);
  if (families.length === 0) return all;
  return all.map(([suite, found]) => [suite, found.filter(({ name }) => families.includes(name))]);
}

async function resultsOn(name: BackendName, threads: number, families: readonly Family[]): Promise<Result[]> {
  const results: Result[] = [];
  try {
    const backend = await backends[name](threads);
    for await (const result of runFamilies(families, name, backend)) results.push(result);
    backend.dispose();
  } catch (error) {
    results.push({ backend: name, family: '-', name: 'the backend', outcome: 'failed', reason: `threw ${String(error)}` });
  }
  return results;
}

async function resultsOf(suite: Suite, families: readonly Family[], { backends: names, threads }: Options): Promise<Result[]> {
  const results: Result[] = [];
  if (suite.withoutBackend) for await (const result of runFamilies(families)) results.push(result);
  else for (const name of names) results.push(...(await resultsOn(name, threads, families)));
  return results;
}

async function main(args: string[]): Promise<void> {
  const options = optionsOf(args);
  const results: Result[] = [];
  const reports: Report[] = [];
  for (const [suite, families] of familiesOf(options)) {
    const found = await resultsOf(suite, families, options);
    results.push(...found);
    reports.push(reportOf(suite.name, found));
  }
  const [first, ...more] = reports;
  if (options.json) console.log(JSON.stringify(more.length > 0 ? reports : first, null, 2));
  else console.log([...reports.map(textOf), ...(more.length > 0 ? [countLine(countOf(results))] : [])].join('\n\n'));
  if (countOf(results).failed > 0) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`);
  process.exitCode = 2;
}
