import { existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
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

  // It unpacks itself into the folder for temporary files: give it one of its own, that lasts.
  const folder = fileURLToPath(new URL('./node_modules/.cache/chromium-153', import.meta.url));
  mkdirSync(folder, { recursive: true });
  process.env.TMPDIR = folder;
  process.env.AWS_LAMBDA_JS_RUNTIME ??= 'nodejs22.x'; // makes it unpack the libraries that it needs, too
  const libraries = [join(folder, 'al2023', 'lib'), folder, LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  const { default: packaged } = await import('@sparticuz/chromium');
  return { executablePath: await packaged.executablePath(), env: { ...env, LD_LIBRARY_PATH: libraries } };
}

/** A real headless Chromium. Close it when done. */
export async function launchChromium(): Promise<Browser> {
  return chromium.launch({ ...(await findChromium()), args: flags });
}
