// `npm test`: everything, step by step; `npm test lint types`: the steps whose titles have these words. Called by run.mjs, on the
// workspace's own Node.
//
// One convention carries the counts: what a task prints last as `N passed, N failed, N skipped` is its count, and a task that prints
// no such line is one check. A line `note: …` is shown. turbo keeps the output of what it caches, so an unchanged task still counts.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';

const packages = '--filter=./packages/*';
const tools = '--filter=@multihead/tools';
const steps = {
  lint: ['biome', 'check', '--colors=off', '--error-on-warnings', '--max-diagnostics=none', '.'],
  'import graph': ['node', 'tools/graph.ts'],
  readmes: ['node', 'tools/readme.ts'],
  types: turbo('typecheck'),
  'unit tests': turbo('test', packages, tools),
  builds: turbo('build', packages),
  'package manifests': turbo('publint', 'attw', packages),
  'api reports': turbo('api', tools),
  'bundle ceilings': turbo('bundle', tools),
  'packed packages': turbo('packed', tools),
  examples: turbo('test', '--filter=@multihead/examples'),
  conformance: turbo('test', 'cases', '--filter=@multihead/conformance'),
  'playground in Chromium': turbo('test', '--filter=@multihead/playground'),
};

function turbo(...args) {
  return ['turbo', 'run', ...args, '--continue=dependencies-successful', '--output-logs=none', '--summarize'];
}

const total = { passed: 0, failed: 0, skipped: 0 };
const counts = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

const words = process.argv.slice(2);
const shown = new Set();

for (const [title, command] of Object.entries(steps)) {
  if (words.length > 0 && !words.some((word) => title.includes(word))) continue;
  process.stdout.write(title.padEnd(26));
  const started = Date.now();
  const { count, failures, notes, cached } = await step(command);
  for (const key in total) total[key] += count[key];
  const seconds = `${((Date.now() - started) / 1000).toFixed(1)} s`.padStart(8);
  console.log(`${seconds}  ${counts(count)}${cached ? ' (unchanged)' : ''}`);
  for (const note of notes) console.log(`  ${note}`);
  for (const { name, output } of failures) {
    console.log(shown.has(name) ? `  ${name}: failed above` : `\n──── ${name}\n${output.trimEnd()}\n────\n`);
    shown.add(name);
  }
}
console.log(`\n${counts(total)}`);
process.exitCode = total.failed > 0 ? 1 : 0;

async function step([command, ...args]) {
  const { status, output } = await capture(command, args);
  if (command !== 'turbo') return summary([{ name: [command, ...args].join(' '), status, output }]);

  const tasks = tasksOf(output).filter((task) => args.includes(task.task) || task.execution?.exitCode > 0);
  const results = tasks.map((task) => ({
    name: `${task.task} in ${relative('.', task.directory) || '.'}`,
    status: task.execution ? task.execution.exitCode : 1,
    output: task.execution ? readFileSync(task.logFile, 'utf8') : 'Not run: something that it needs failed.',
    cached: task.cache.status === 'HIT',
  }));
  // turbo itself can fail, or find nothing to do, and then nothing else says so.
  const told = results.some((result) => result.status !== 0);
  if (!told && (status !== 0 || results.length === 0)) results.push({ name: [command, ...args].join(' '), status: status || 1, output });
  return summary(results);
}

/** What turbo says of its tasks, in the file that the end of its output names. */
function tasksOf(output) {
  const file = /^\s*Summary:\s+(.+\.json)$/m.exec(output)?.[1];
  if (!file) return [];
  const { tasks } = JSON.parse(readFileSync(file, 'utf8'));
  rmSync(file);
  return tasks.filter((task) => task.command !== '<NONEXISTENT>');
}

function summary(results) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  for (const { name, status, output } of results) {
    const line = output.match(/^(\d+) passed, (\d+) failed, (\d+) skipped\s*$/gm)?.at(-1);
    const [passed, failed, skipped] = line ? line.match(/\d+/g).map(Number) : [status === 0 ? 1 : 0, 0, 0];
    count.passed += passed;
    count.failed += status === 0 ? failed : Math.max(failed, 1);
    count.skipped += skipped;
    if (status !== 0 || failed > 0) failures.push({ name, output });
  }
  const notes = results.flatMap(({ output }) => [...output.matchAll(/^note: (.*)$/gm)].map((match) => match[1]));
  return { count, failures, notes, cached: results.length > 0 && results.every((result) => result.cached) };
}

function capture(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status: status ?? 1, output }));
  });
}
