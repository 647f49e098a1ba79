import { readFile } from 'node:fs/promises';
import { openSafetensors, parseSafetensors, SafetensorsError, type TensorReader } from '@multihead/tensor/safetensors';
import { fileSource, openSafetensorsFile, readSafetensorsFile } from '@multihead/tensor/safetensors/node';
import { type Task, UnknownExpectation } from './document.js';
import type { Kind } from './kinds.js';

/** Safetensors files: in memory, from any source of ranges, from a path. */
export const safetensors: Kind = {
  ways: {
    parseSafetensors: async (task) => problemsOf(parseSafetensors(await readFile(task.file)), task),
    readSafetensorsFile: async (task) => problemsOf(await readSafetensorsFile(task.file), task),
    openSafetensors: async (task) => {
      const source = await fileSource(task.file);
      try {
        return await problemsOf(await openSafetensors(source), task);
      } finally {
        await source.close();
      }
    },
    openSafetensorsFile: async (task) => {
      const reader = await openSafetensorsFile(task.file);
      try {
        return await problemsOf(reader, task);
      } finally {
        await reader.close();
      }
    },
  },
};

/** Reads every tensor, and tells what of it is not as the case expects. */
export async function problemsOf(reader: TensorReader, { expect }: Task): Promise<string[]> {
  const problems: string[] = [];
  for (const name of reader.names()) {
    const info = reader.entries.get(name);
    const bytes = await reader.readBytes(name);
    if (bytes.length !== (info?.end ?? Number.NaN) - (info?.begin ?? 0)) problems.push(`tensor ${name} has other bytes than it says`);
    // Newer dtypes have no values here: they may be refused, by an error that names them.
    await reader.read(name).catch((error: Error) => {
      if (!(error instanceof SafetensorsError) || !info || error.got !== info.dtype) throw error;
    });
  }
  for (const [what, want] of Object.entries(expect)) {
    const got = await foundOf(reader, what);
    if (JSON.stringify(got) !== JSON.stringify(sorted(what, want))) {
      problems.push(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
    }
  }
  return problems;
}

/** What the case expects under the name `what`, as found. */
async function foundOf(reader: TensorReader, what: string): Promise<unknown> {
  const names = reader.names();
  if (what === 'tensors') return sorted(what, Object.fromEntries(names.map((name) => [name, reader.entries.get(name)?.shape])));
  if (what === 'metadata') return sorted(what, Object.fromEntries(reader.metadata));
  if (what === 'metadata_own_keys') return sorted(what, [...reader.metadata.keys()]);
  if (what === 'bits_hex') return Buffer.concat(await Promise.all(names.map((name) => reader.readBytes(name)))).toString('hex');
  if (what === 'i64' || what === 'u64') {
    const values = await Promise.all(names.map(async (name) => [...(await reader.read(name)).data].map(String)));
    return values.flat();
  }
  throw new UnknownExpectation(what);
}

/** The value of an expectation whose order says nothing, in an order of its own; `__proto__` is a key like any other. */
function sorted(what: string, value: unknown): unknown {
  if (what === 'metadata_own_keys') return [...(value as string[])].sort();
  if (what !== 'tensors' && what !== 'metadata') return value;
  return Object.fromEntries(Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
