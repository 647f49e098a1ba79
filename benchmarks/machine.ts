import { cpus, release, totalmem, type } from 'node:os';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { here } from './build.ts';

export interface Machine {
  date: string;
  cpu: string;
  cores: number;
  memory: string;
  system: string;
  /** Processes that wanted a core in the last minute. */
  load: string;
  /** Of the libraries. */
  versions: Record<string, string>;
}

/** `load` is that of the system before anything was installed, built or measured. */
export function describeMachine(load: number): Machine {
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  const versionOf = (name: string): string => JSON.parse(readFileSync(join(here, 'node_modules', name, 'package.json'), 'utf8')).version;
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    system: `${type()} ${release()}, ${process.arch}`,
    load: load.toFixed(2),
    versions: Object.fromEntries(Object.keys(dependencies).map((name) => [name, versionOf(name)])),
  };
}

/** True if something else ran: the figures will be noisy. */
export const isBusy = ({ load }: Machine): boolean => Number(load) > 0.5;

/** One paragraph, for the top of a table. */
export function machineText({ date, cpu, cores, memory, system, load, versions }: Machine): string {
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${date} UTC. ${cpu}, ${cores} cores, ${memory}, ${system}; load ${load} before the start. ${peers.join(', ')}.`;
}
