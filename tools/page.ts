// A folder with an index.html, built by Vite as it comes, in a headless Chromium.
import { build, preview } from 'vite';
import { launchChromium } from './browser.ts';

/** The lines that the page leaves in `window.said`; throws with the first error that it shows. */
export async function saidInPage(root: string): Promise<string[]> {
  await build({ root, configFile: false, logLevel: 'error', build: { target: 'es2022' }, worker: { format: 'es' } });
  const server = await preview({ root, configFile: false, logLevel: 'silent', preview: { port: 0, strictPort: false } });
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    const failed = new Promise<never>((_, reject) => {
      page.on('pageerror', reject);
      page.on('console', (message) => message.type() === 'error' && reject(new Error(message.text())));
    });
    await page.goto(server.resolvedUrls!.local[0]!);
    const said = page.waitForFunction(() => (globalThis as { said?: string[] }).said, undefined, { timeout: 60_000 });
    return (await (await Promise.race([said, failed])).jsonValue()) as string[];
  } finally {
    await browser.close();
    await server.close();
  }
}
