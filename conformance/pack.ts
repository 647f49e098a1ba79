// `node --import tsx conformance/pack.ts --from FOLDER [SUITE …]`: the project's own copy of the cases, every file packed by itself.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

const known = ['torch', 'onnx', 'hf', 'tokenizers', 'malformed'];
const target = fileURLToPath(new URL('./cases', import.meta.url));
const megabyte = 2 ** 20;
const most = 16 * megabyte;

/** gzip that says nothing of when and where it was made: equal bytes in give equal bytes out. */
function packed(bytes: Uint8Array): Uint8Array {
  const out = gzipSync(bytes, { level: 9 });
  out.fill(0, 4, 8); // the time
  out[9] = 255; // the system: unknown
  return out;
}

function packSuite(from: string, suite: string): void {
  const files = readdirSync(join(from, suite), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  if (files.length === 0) throw new Error(`${suite}: expected files in ${join(from, suite)}`);
  rmSync(join(target, suite), { recursive: true, force: true });
  for (const { parentPath, name } of files) {
    const source = join(parentPath, name);
    const path = join(target, relative(from, source));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.gz`, packed(readFileSync(source)));
  }
}

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + readFileSync(join(parentPath, name)).length, 0);
}

const { values, positionals } = parseArgs({ options: { from: { type: 'string' } }, allowPositionals: true });
const wrong = positionals.find((suite) => !known.includes(suite));
if (values.from === undefined || wrong !== undefined) {
  console.error(`Usage: node --import tsx conformance/pack.ts --from FOLDER [SUITE …]. The suites: ${known.join(', ')}`);
  process.exit(2);
}
for (const suite of positionals.length > 0 ? positionals : known) {
  packSuite(values.from, suite);
  console.log(`${suite}: ${(sizeOf(join(target, suite)) / megabyte).toFixed(1)} MB`);
}
const total = sizeOf(target);
console.log(`all: ${(total / megabyte).toFixed(1)} MB`);
if (total > most) {
  console.error(`More than ${most / megabyte} MB: pack fewer suites.`);
  process.exit(1);
}
