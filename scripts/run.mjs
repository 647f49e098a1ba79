#!/usr/bin/env node
// `node scripts/run.mjs COMMAND …`: install what is missing, then run COMMAND with the workspace's own tools first on the PATH.
// It needs Node 20, npm and nothing else: pnpm comes through `npm exec`, and a newer Node, turbo and the rest through the lockfile.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const windows = process.platform === 'win32';

// npm hands its settings down as npm_*, and pnpm would take them for its own: only what tells where the registry is may pass.
const passes = /^npm_config_(registry|userconfig|globalconfig|cafile|strict_ssl|.*proxy)$/i;
const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(npm_|path$)/i.test(key) || passes.test(key)));
env.PATH = [join(root, 'node_modules', '.bin'), process.env.PATH ?? process.env.Path].join(delimiter);
env.TURBO_TELEMETRY_DISABLED ??= '1';
env.DO_NOT_TRACK ??= '1';

// Ctrl-C reaches the whole group: what runs below decides how to end, and this process only waits for it.
process.on('SIGINT', () => {});

function run(command, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: 'inherit', shell: windows });
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.on('error', reject);
    child.on('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal]));
  });
}

async function install() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const lockfile = readFileSync(join(root, 'pnpm-lock.yaml'));
  const stamp = join(root, 'node_modules', '.installed');
  const wanted = createHash('sha256').update(lockfile).update(packageManager).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return 0;
  console.error('Installing the workspace …');
  const status = await run(
    'npm',
    'exec',
    '--yes',
    '--loglevel=error',
    `--package=${packageManager}`,
    '--',
    'pnpm',
    'install',
    '--frozen-lockfile',
  );
  if (status === 0) writeFileSync(stamp, wanted);
  return status;
}

// Linux and Windows get Node 24 from the lockfile. Elsewhere the Node on the PATH has to do.
const bundled = ['linux-x64', 'linux-arm64', 'win32-x64'].includes(`${process.platform}-${process.arch}`);
if (!bundled && Number(process.versions.node.split('.')[0]) < 24) {
  console.error(`The build tools need Node 24 and found ${process.versions.node}. On macOS: brew install node@24`);
  process.exit(1);
}

const [command, ...args] = process.argv.slice(2);
process.exitCode = (await install()) || (command ? await run(command, ...args) : 0);
