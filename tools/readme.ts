// READMEs show code that runs. A block under `<!-- example: examples/attention.ts#first -->` is that region of that file
// (`// #region first` … `// #endregion first`; without #name, the whole file), and every link to a file leads to one.
// `node tools/readme.ts` fails where a page differs; `pnpm readme` rewrites the blocks.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, writtenFiles } from './workspace.ts';

const example = /^<!-- example: (?<path>[^\s#]+)(?:#(?<region>\S+))? -->\n+```(?<language>\w*)\n(?<code>[\s\S]*?)^```$/gm;

/** The page as it should be; throws where an example names a file or a region that is not there. */
export function withExamples(page: string, read: (path: string) => string): string {
  return page.replace(example, (_, path: string, region: string | undefined, language: string) => {
    const comment = `<!-- example: ${path}${region ? `#${region}` : ''} -->`;
    return `${comment}\n\`\`\`${language}\n${regionOf(read(path), path, region)}\n\`\`\``;
  });
}

/** The lines of a region, without its indentation and without the markers of regions inside it. */
export function regionOf(text: string, path: string, region?: string): string {
  const lines = text.trimEnd().split('\n');
  const marker = (kind: string) => lines.findIndex((line) => line.trim() === `// #${kind} ${region}`);
  const [start, end] = region ? [marker('region'), marker('endregion')] : [-1, lines.length];
  if (region && (start < 0 || end < start)) throw new Error(`${path} has no region "${region}"`);
  const inside = lines.slice(start + 1, end).filter((line) => !/^\s*\/\/ #(end)?region\b/.test(line));
  const indent = Math.min(...inside.filter((line) => line.trim()).map((line) => line.length - line.trimStart().length));
  return inside
    .map((line) => line.slice(indent))
    .join('\n')
    .trim();
}

/** The files that a page links to, as it writes them; links of the web and within the page are not among them. */
export function linksOf(page: string): string[] {
  const prose = page.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)[^)]*\)|(?:src|href|srcset)="([^"]+)"/g)].map((match) => (match[1] ?? match[2])!);
  const files = targets.filter((target) => !/^([a-z]+:|#|\/\/)/i.test(target)).map((target) => decodeURI(target.replace(/[#?].*$/, '')));
  return [...new Set(files)];
}

if (import.meta.main) {
  const write = process.argv.includes('--write');
  const pages = writtenFiles(root, /\.md$/).filter((page) => !page.startsWith('api/'));
  let failed = 0;
  for (const page of pages) {
    const file = join(root, page);
    const text = readFileSync(file, 'utf8');
    const problems = linksOf(text)
      .filter((link) => !existsSync(join(dirname(file), link)))
      .map((link) => `links to ${link}, which does not exist`);
    try {
      const wanted = withExamples(text, (path) => readFileSync(join(root, path), 'utf8'));
      if (wanted !== text && write) writeFileSync(file, wanted);
      if (wanted !== text && !write) problems.push('shows an example that has changed. To take it over: pnpm readme');
    } catch (error) {
      problems.push((error as Error).message);
    }
    for (const problem of problems) console.error(`${page}: ${problem}`);
    if (problems.length > 0) failed++;
  }
  console.log(`${pages.length - failed} passed, ${failed} failed, 0 skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}
