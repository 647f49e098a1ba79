import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { here } from './build.ts';

const root = dirname(dirname(join(here, 'package.json')));
const windows = process.platform === 'win32';

/** Installs the peers, if they aren't there, and builds our packages: what is measured is what would be published. */
export function prepare(): void {
  install();
  run('turbo', ['run', 'build', '--filter=./packages/*', '--output-logs=errors-only'], root);
}

function install(): void {
  const wanted = createHash('sha256')
    .update(readFileSync(join(here, 'pnpm-lock.yaml')))
    .digest('hex');
  const stamp = join(here, 'node_modules', '.installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.error('Installing the peers …');
  run('pnpm', ['install', '--frozen-lockfile', '--reporter=silent'], here);
  writeFileSync(stamp, wanted);
}

/** Both tools are on the PATH that scripts/run.mjs makes. Their output goes where messages go. */
function run(command: string, args: string[], cwd: string): void {
  const { status, stdout, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: windows,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}`);
}
