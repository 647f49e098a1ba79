/** The temporaries of atomic writes: their names, and clearing away those of processes that died while writing. Node only. */
import { join } from 'node:path';

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

/** Removes the temporaries in `folder` whose process is gone and whose target `isOurs`. Best effort: what cannot be listed or removed stays. */
export async function removeStaleTemporaries(folder: string, isOurs: (target: string) => boolean, fs: ClearingFileSystem): Promise<void> {
  for (const name of await fs.readdir(folder).catch(() => [])) {
    const [, target, pid] = /^\.(.+)\.(\d+)-[0-9a-f]{8}\.tmp$/s.exec(name) ?? [];
    if (target === undefined || !isOurs(target)) continue;
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
