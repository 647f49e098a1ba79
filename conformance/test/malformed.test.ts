import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { parseSafetensors, serializeSafetensors } from '@multihead/tensor/safetensors';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { mismatch } from '../compare.js';
import { locate } from '../folder.js';
import type { MalformedCase, Outcome } from '../malformed/document.js';
import { findingsOf } from '../malformed/findings.js';
import { malformed } from '../malformed/index.js';
import { Sandbox } from '../malformed/sandbox.js';
import { shardOf } from '../malformed/shards.js';
import { type Result, runFamilies } from '../run.js';

const folders: string[] = [];
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'multihead-malformed-test-'));
  folders.push(folder);
  return folder;
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const must = { max_ms: 2000, max_mb: 64 };
const golden = (name: string, extra: Partial<MalformedCase> = {}): MalformedCase => {
  return { name, kind: 'safetensors', verdict: 'accept', why: 'a test', must, file: `files/${name}.safetensors`, ...extra };
};
const valid = serializeSafetensors(
  { w: { dtype: 'I64', shape: [2], data: BigInt64Array.of(1n, -(2n ** 63n)) } },
  { metadata: { format: 'pt' } },
);

/** Runs the suite on a folder of these cases. */
async function run(cases: [MalformedCase, Uint8Array | string][], packed: boolean): Promise<Result[]> {
  const folder = temporary();
  mkdirSync(join(folder, 'malformed', 'files'), { recursive: true });
  const files: [string, Uint8Array | string][] = [['cases.json', JSON.stringify({ suite: 'malformed', cases: cases.map(([one]) => one) })], ...cases.map(([{ file }, bytes]): [string, Uint8Array | string] => [file, bytes])]; // biome-ignore format: one row
  for (const [name, bytes] of files) {
    writeFileSync(join(folder, 'malformed', packed ? `${name}.gz` : name), packed ? gzipSync(bytes) : bytes);
  }
  const results: Result[] = [];
  for await (const result of runFamilies(malformed.open(locate(folder, 'malformed')))) results.push(result);
  return results;
}

describe('the suite', () => {
  it('tells files that meet their verdict from those that do not', async () => {
    const weightMap = '{"weight_map":{"a":"x.safetensors","__proto__":"y.safetensors"}}';
    const shards = { kind: 'safetensors-index', files: { 'x.safetensors': 'a: F32[2]', 'y.safetensors': '__proto__: BF16[]' } };
    const cases: [MalformedCase, Uint8Array | string][] = [
      [golden('good', { expect: { tensors: { w: [2] }, metadata_own_keys: ['format'], i64: ['1', '-9223372036854775808'] } }), valid],
      [golden('other-values', { expect: { i64: ['1', '2'] } }), valid],
      [golden('other-shape', { expect: { tensors: { w: [1, 2] } } }), valid],
      [golden('broken', { verdict: 'reject' }), 'no safetensors'],
      [golden('broken-but-wanted'), 'no safetensors'],
      [golden('good-but-not-wanted', { verdict: 'reject' }), valid],
      [golden('stricter', { verdict: 'accept-or-stricter' }), 'no safetensors'],
      [golden('either', { verdict: 'either' }), valid],
      [golden('odd-verdict', { verdict: 'perhaps' }), valid],
      [golden('unknown-expectation', { expect: { colour: 'red' } }), valid],
      [golden('index', { ...shards, expect: { tensors: { a: [2], ['__proto__']: [] } } }), weightMap],
      [golden('index-out', { ...shards, verdict: 'reject' }), '{"weight_map":{"a":"../x.safetensors"}}'],
      [golden('index-lacks', { ...shards, verdict: 'reject' }), '{"weight_map":{"b":"x.safetensors"}}'],
      [golden('words', { kind: 'poem' }), '{}'],
    ];
    const results = await run(cases, true);
    const told = new Map(results.map(({ name, outcome, reason }) => [name, `${outcome}${reason === undefined ? '' : `: ${reason}`}`]));
    for (const name of ['good', 'broken', 'stricter', 'either', 'index', 'index-out', 'index-lacks'])
      expect([name, told.get(name)]).toEqual([name, 'passed']);
    expect(told.get('other-values')).toContain('parseSafetensors, side effects: i64: got ["1","-9223372036854775808"], want ["1","2"]');
    expect(told.get('other-shape')).toContain('failed: parseSafetensors, side effects: tensors: got {"w":[2]}, want {"w":[1,2]}');
    expect(told.get('broken-but-wanted')).toMatch(
      /^failed: parseSafetensors, verdict: rejects \(SafetensorsError: .*\), want accept \(a test\)/,
    );
    expect(told.get('good-but-not-wanted')).toContain('failed: parseSafetensors, verdict: accepts, want reject (a test)');
    expect(told.get('odd-verdict')).toContain('want perhaps');
    expect(told.get('unknown-expectation')).toBe('skipped: no way to check: colour');
    expect(told.get('words')).toBe('skipped: not built yet: reading files of the kind poem');
    expect(results.every(({ backend }) => backend === undefined)).toBe(true);
    expect(results.map(({ family }) => family)).toEqual(cases.map(([{ kind }]) => kind));
  });

  it('takes plain files, and refuses a folder of another suite', async () => {
    expect((await run([[golden('good'), valid]], false)).map(({ outcome }) => outcome)).toEqual(['passed']);
    const folder = temporary();
    writeFileSync(join(folder, 'cases.json'), '{"suite":"torch","cases":[]}');
    expect(() => malformed.open(locate(folder, 'malformed'))).toThrow('cases.json: expected the suite malformed, got torch');
  });

  it('makes the shards that a case lists', () => {
    const file = parseSafetensors(shardOf('a: F32[2], b.c: BF16[2,3]; __proto__: BOOL[]\ni: I64[0]'));
    expect([...file.entries].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([['a', 'F32', [2]], ['b.c', 'BF16', [2, 3]], ['__proto__', 'BOOL', []], ['i', 'I64', [0]]]); // biome-ignore format: one row
    expect(parseSafetensors(shardOf('')).names()).toEqual([]);
    expect(() => shardOf('a is F32')).toThrow('expected tensors like "a: F32[2]", got "a is F32"');
  });
});

describe('findings', () => {
  const outcome = (extra: Partial<Outcome>): Outcome => ({ way: 'open', accepted: true, ms: 1, bytes: 1, problems: [], ...extra });
  const problemsOf = (outcomes: Outcome[], extra: Partial<MalformedCase> = {}): (string | null)[] =>
    findingsOf(golden('x', extra), outcomes).map(mismatch).filter((problem) => problem !== null); // biome-ignore format: one row
  const error = { text: 'SafetensorsError: no', typed: true };

  it.each<[Partial<Outcome>, Partial<MalformedCase>, string]>([
    [{ ms: 1500 }, {}, 'open, time: takes 1500 ms, 1000 are allowed'],
    [{ ms: 600 }, { must: { max_ms: 500, max_mb: 64 } }, 'open, time: takes 600 ms, 500 are allowed'],
    [{ bytes: 65 * 2 ** 20 }, {}, 'open, memory: takes 65.0 MB, 64 are allowed'],
    [
      { accepted: false, error: { text: 'TypeError: x is undefined', typed: false } },
      { verdict: 'reject' },
      'open, error: rejects with none of our errors: TypeError: x is undefined',
    ],
    [{ problems: ['opened /etc/passwd', 'changed a prototype'] }, {}, 'open, side effects: opened /etc/passwd, changed a prototype'],
    [{ accepted: false, error }, {}, 'open, verdict: rejects (SafetensorsError: no), want accept (a test)'],
  ])('of %j', (found, extra, problem) => {
    expect(problemsOf([outcome(found)], extra)).toEqual([problem]);
  });

  it('no way of reading may be milder than another', () => {
    const both = [outcome({ way: 'open' }), outcome({ way: 'parse', accepted: false, error })];
    expect(problemsOf(both, { verdict: 'either' })).toEqual(['all ways: only open accepts it']);
    expect(problemsOf([both[1]], { verdict: 'either' })).toEqual([]);
  });
});

describe('the process in which files are read', () => {
  let sandbox: Sandbox | undefined;
  afterEach(() => sandbox?.close());

  it('may crash, hang and run out of memory; the next file is read by a new one', async () => {
    const program = join(temporary(), 'naughty.mjs');
    writeFileSync(
      program,
      `const acts = {
        crash: () => process.abort(),
        exit: () => process.exit(3),
        throw: () => setTimeout(() => { throw new RangeError('out of nowhere') }),
        hang: () => { for (;;); },
        memory: () => { const all = []; for (;;) all.push(new Array(1e6).fill({})); },
        good: () => process.send({ outcomes: [] }),
      };
      process.on('message', ({ kind }) => acts[kind]());
      process.send({ ready: true });`,
    );
    sandbox = new Sandbox(program);
    const read = (kind: string, limitMs = 60_000) => sandbox!.read({ kind, folder: '', file: '', expect: {} }, limitMs);
    expect(await read('good')).toEqual([]);
    await expect(read('crash')).rejects.toThrow(/^crashes: the process ended with SIGABRT/);
    await expect(read('exit')).rejects.toThrow('crashes: the process ended with code 3');
    await expect(read('throw')).rejects.toThrow('crashes: the process ended with code 1: RangeError: out of nowhere');
    await expect(read('hang', 500)).rejects.toThrow('hangs: no answer within 500 ms');
    await expect(read('memory')).rejects.toThrow(/^crashes: .*heap/i);
    expect(await read('good')).toEqual([]);
  });

  it('sees what is opened, fetched, changed, left unhandled and asked for', () => {
    const program = join(temporary(), 'watched.mts');
    const url = (name: string): string =>
      JSON.stringify(pathToFileURL(fileURLToPath(new URL(`../malformed/${name}`, import.meta.url))).href);
    const folder = temporary();
    writeFileSync(join(folder, 'inside'), 'x');
    writeFileSync(join(folder, '..', 'multihead-outside'), 'x');
    writeFileSync(
      program,
      `import { countAllocations, takeAsked } from ${url('allocations.ts')};
      import { watch, watching } from ${url('watch.ts')};
      import { readFile } from 'node:fs/promises';
      import { readFileSync } from 'node:fs';
      watch();
      countAllocations();
      const folder = ${JSON.stringify(folder)};
      const clean = await watching(folder, async () => {
        await readFile(folder + '/inside');
        readFileSync(folder + '/inside');
        new Float64Array(new Float64Array(1000).buffer, 0, 10);
        return Uint8Array.from([1, 2, 3]) instanceof Uint8Array && takeAsked();
      });
      const dirty = await watching(folder, async () => {
        await readFile(folder + '/../multihead-outside');
        readFileSync(folder + '/../multihead-outside');
        await fetch('http://example.org/').catch(() => {});
        Promise.reject(new Error('nobody listens'));
        Object.prototype.polluted = true;
        try { new Uint8Array(1e15) } catch {}
        return takeAsked();
      });
      console.log(JSON.stringify({ clean, dirty }));`,
    );
    const { stdout, stderr } = spawnSync(process.execPath, ['--import=tsx', program], { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8' }); // biome-ignore format: one row
    expect(stderr).toBe('');
    const { clean, dirty } = JSON.parse(stdout) as Record<string, { result: number; seen: string[] }>;
    expect(clean).toEqual({ result: 8003, seen: [] });
    expect(dirty.result).toBe(1e15);
    const outside = `opened ${folder}/../multihead-outside`;
    expect(new Set(dirty.seen.slice(0, -1))).toEqual(
      new Set([outside, 'fetched http://example.org/', 'left a rejection unhandled: Error: nobody listens']),
    );
    expect(dirty.seen.filter((what) => what === outside).length).toBeGreaterThanOrEqual(2); // readFile and readFileSync
    expect(dirty.seen.at(-1)).toMatch(/^changed a prototype: .*polluted/);
  });
});
