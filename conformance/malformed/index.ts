import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Folder } from '../folder.js';
import { type Family, type Finding, notBuilt, type Suite } from '../suite.js';
import type { MalformedCase, MalformedDocument } from './document.js';
import { findingsOf } from './findings.js';
import { kinds } from './kinds.js';
import { Sandbox } from './sandbox.js';
import { shardOf } from './shards.js';

/** A process that has not answered by then hangs, however busy the machine is. */
const HANG_MS = 60_000;

/** Hostile files, and harmless ones as control: each is read in a process of its own kind, and neither harms nor slows nor bloats it. */
export const malformed: Suite = {
  name: 'malformed',
  withoutBackend: true,
  open: (folder) => {
    const document = folder.json('cases.json') as MalformedDocument;
    if (document.suite !== 'malformed' || !Array.isArray(document.cases)) {
      throw new Error(`cases.json: expected the suite malformed, got ${String(document.suite)}`);
    }
    const sandbox = new Sandbox();
    const names = [...new Set(document.cases.map(({ kind }) => kind))];
    return names.map((name): Family => {
      const cases = document.cases.filter(({ kind }) => kind === name);
      return { name, cases: cases.map((golden) => ({ name: golden.name, run: () => findings(folder, golden, sandbox) })) };
    });
  },
};

async function findings(folder: Folder, golden: MalformedCase, sandbox: Sandbox): Promise<Finding[]> {
  const kind = kinds.get(golden.kind);
  if (!kind) throw notBuilt(`reading files of the kind ${golden.kind}`);
  const base = mkdtempSync(join(tmpdir(), 'multihead-malformed-'));
  try {
    const inner = join(base, 'checkpoint');
    mkdirSync(inner);
    for (const [name, tensors] of Object.entries(golden.files ?? {})) writeFileSync(join(inner, basename(name)), shardOf(tensors));
    const file = join(inner, kind.fileName ?? basename(golden.file));
    writeFileSync(file, folder.bytes(golden.file));
    const { encode, encode_any } = golden;
    const expect = { ...golden.expect, ...(encode && { encode }), ...(encode_any && { encode_any }) };
    const task = { kind: golden.kind, folder: inner, file, expect };
    return findingsOf(golden, await sandbox.read(task, HANG_MS));
  } finally {
    rmSync(base, { recursive: true });
  }
}
