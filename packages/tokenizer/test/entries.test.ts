import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));

/** All that a module loads, itself included: files from the root of the package, and packages. What is imported for its types is not loaded. */
function loadedBy(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const source = readFileSync(join(root, file), 'utf8');
  for (const [, types, names, specifier] of source.matchAll(/^(?:import|export) (type )?([\w\s{},*]*?)from '([^']+)';$/gms)) {
    if (types !== undefined || /^\{\s*(type \w+,?\s*)+\}\s*$/.test(names as string)) continue;
    const path = join(dirname(file), (specifier as string).replace(/\.js$/, '.ts'));
    if (existsSync(join(root, path))) loadedBy(path, seen);
    else seen.add(specifier as string);
  }
  return seen;
}

it('an import costs what it names: trainers, Jinja, SentencePiece and other formats load where they are imported, and nowhere else', () => {
  const entries = {
    'src/index.ts': [],
    'src/bpe.ts': [],
    'src/trainers/index.ts': ['trainers'],
    'src/formats/sentencepiece.ts': ['formats'],
    'src/formats/index.ts': ['formats', 'trainers'], // the alphabet of bytes
    'src/chat/index.ts': ['chat', '@huggingface/jinja'],
  };
  for (const [entry, expected] of Object.entries(entries)) {
    const loaded = [...loadedBy(entry)];
    const areas = loaded.flatMap((file) => /^src\/(trainers|formats|chat)\//.exec(file)?.[1] ?? (file.startsWith('src/') ? [] : [file]));
    expect([...new Set(areas)].sort(), entry).toEqual([...expected].sort());
  }
  expect([...loadedBy('src/formats/index.ts')].filter((file) => file.includes('trainers'))).toEqual([
    'src/trainers/byte-level-alphabet.ts',
  ]);
  expect(loadedBy('src/index.ts').size).toBeGreaterThan(20);
});
