import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';

const installed = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:/Program Files/Google/Chrome/Application/chrome.exe',
];

const flags = [
  '--no-sandbox', // Chromium refuses to run as root with one
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

/** `CHROMIUM_PATH`, else a Chromium of the system (unless `NO_SYSTEM_CHROMIUM` is set), else the one inside an npm package (Linux x64). */
async function findChromium(): Promise<{ executablePath: string; env?: Record<string, string> }> {
  const { CHROMIUM_PATH, NO_SYSTEM_CHROMIUM, LD_LIBRARY_PATH, ...env } = process.env as Record<string, string>;
  if (CHROMIUM_PATH) return { executablePath: CHROMIUM_PATH };
  const system = NO_SYSTEM_CHROMIUM ? undefined : installed.find(existsSync);
  if (system) return { executablePath: system };

  const folder = fileURLToPath(new URL('./node_modules/.cache/chromium-153', import.meta.url));
  if (!existsSync(folder)) await unpackChromium(folder);
  const libraries = [join(folder, 'al2023', 'lib'), folder, LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  return { executablePath: join(folder, 'chromium'), env: { ...env, LD_LIBRARY_PATH: libraries } };
}

/** Unpacks beside `folder` and renames, so that it is there whole or not at all, whoever else unpacks or is stopped meanwhile. */
async function unpackChromium(folder: string): Promise<void> {
  mkdirSync(dirname(folder), { recursive: true });
  const own = mkdtempSync(`${folder}-`);
  const { TMPDIR } = process.env;
  process.env.TMPDIR = own; // it unpacks itself into the folder for temporary files
  process.env.AWS_LAMBDA_JS_RUNTIME ??= 'nodejs22.x'; // makes it unpack the libraries that it needs, too
  try {
    const { default: packaged } = await import('@sparticuz/chromium');
    await packaged.executablePath();
    renameSync(own, folder);
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // else another was first
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
}

/** A real headless Chromium. Close it when done. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ ...(await findChromium()), args: flags });
}
