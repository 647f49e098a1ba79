import { parseArgs } from 'node:util';

export const names = [
  'matmul',
  'encoder',
  'training',
  'nanogpt',
  'attention',
  'decode',
  'embed',
  'generate',
  'start',
  'tokenizer',
] as const;

export const usage = `Usage: pnpm bench NAME … [options]

The names: ${names.join(', ')}; all stands for all of them.

  --node 20|24     only on this Node (it may be given twice); both if left out
  --threads 1|2    only with so many threads; both if left out
  --case TEXT      only cases whose names have this in them
  --quick          fewer rounds and a shorter warm-up: to see that it runs, not to quote
  --check          exits 1 if a bar falls short; the last line says which
  --json           prints one JSON object, with every sample, in place of the tables
  --write          takes the tables over into benchmarks/README.md
  --soak MINUTES   trains and decodes for so long, and tells once a minute what memory it takes
  --self-test      checks the measuring itself: types, and the tests in benchmarks/test`;

export interface Options {
  benches: string[];
  nodes: number[];
  threads: number[];
  only: string;
  quick: boolean;
  check: boolean;
  json: boolean;
  write: boolean;
  /** Minutes; 0 for none. */
  soak: number;
  selfTest: boolean;
}

/** Throws an Error whose message tells what is wrong with the arguments. */
export function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      node: { type: 'string', multiple: true },
      threads: { type: 'string', multiple: true },
      case: { type: 'string', default: '' },
      quick: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      soak: { type: 'string', default: '0' },
      'self-test': { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.filter((name) => name !== 'all' && !names.includes(name as (typeof names)[number]));
  if (unknown.length > 0) throw new Error(`There is no bench called ${unknown.join(', ')}.`);
  const { case: only, quick, check, json, write } = values;
  const selfTest = values['self-test'];
  const soak = Number(values.soak);
  if (!(soak >= 0)) throw new Error(`--soak: expected minutes, got ${values.soak}.`);
  if (positionals.length === 0 && !selfTest && !soak) throw new Error('Which bench?');
  if (write && (quick || only)) throw new Error('--write is for figures to quote: not with --quick, nor with --case.');
  return {
    benches: positionals.includes('all') ? [...names] : positionals,
    nodes: oneOf('--node', values.node, [24, 20]),
    threads: oneOf('--threads', values.threads, [1, 2]),
    only,
    quick,
    check,
    json,
    write,
    soak,
    selfTest,
  };
}

function oneOf(option: string, given: string[] | undefined, allowed: number[]): number[] {
  const wrong = given?.find((text) => !allowed.includes(Number(text)));
  if (wrong !== undefined) throw new Error(`${option}: expected ${allowed.join(' or ')}, got ${wrong}.`);
  return given ? allowed.filter((value) => given.map(Number).includes(value)) : allowed;
}
