/** The temporaries of atomic writes: their names, and clearing away those of processes that died while writing. Node only. */
import { dirname, basename, join } from 'node:path';

/** What of `node:fs/promises` the clearing needs. */
interface ClearingFileSystem {
  readdir(path: string): Promise<string[]>;
  stat(path: string): Promise<{ mtimeMs: number }>;
  unlink(path: string): Promise<void>;
}

/** The name of a temporary for the file `base`: hidden, next to it, telling the process that writes it. */
export function temporaryName(base: string, pid: number, salt: string): string {
  return `.${base}.${pid}-${salt}.tmp`;
}

/** Removes the temporaries for `path` whose process is gone. Best effort: what cannot be listed or removed stays. */
export async function removeStaleTemporaries(path: string, fs: ClearingFileSystem): Promise<void> {
  const folder = dirname(path);
  const prefix = `.${basename(path)}.`;
  const names = await fs.readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const pid = /^(\d+)-[0-9a-f]{8}\.tmp$/.exec(name.slice(prefix.length))?.[1];
    if (pid === undefined) continue;
    const temporary = join(folder, name);
    if (await isStale(temporary, Number(pid), fs)) await fs.unlink(temporary).catch(() => {});
  }
}

async function isStale(temporary: string, pid: number, fs: ClearingFileSystem): Promise<boolean> {
  if (pid !== process.pid) return !isAlive(pid);
  // Our own number: a write in progress, perhaps in another thread, unless it is older than this process (in a container every start is process 1).
  const startedMs = Date.now() - process.uptime() * 1000;
  const info = await fs.stat(temporary).catch(() => undefined);
  return info !== undefined && info.mtimeMs < startedMs - 1000;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== 'ESRCH';
  }
}
